//! Servers that speak TLS with a certificate of their own making, and servers whose key is in a mounted file.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use safe_compose::engine::memory::MemoryEngine;
use safe_compose::engine::{Mount, MountSource};
use safe_compose::secret::Secret;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::backup_fixture::root;
use crate::qdrant_stand::{Stand, why};

/// Made for a name that no published port has.
fn own() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["qdrant.internal".to_owned()]).expect("a certificate")
}

/// Speaks TLS before a server that does not.
async fn in_front_of(port: u16, own: &CertifiedKey<KeyPair>) -> SocketAddr {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("a certificate with its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                // Whoever hangs up ends it.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

/// Mounts a file into the server's container.
fn with_file(mut stand: Stand, destination: &str, name: &str, text: &str) -> Stand {
    let volume = destination.replace('/', "-");
    stand.container().mounts.push(Mount {
        source: MountSource::Volume {
            name: volume.clone(),
            driver: "local".into(),
            anonymous: false,
            inherited: false,
        },
        destination: destination.into(),
        read_only: true,
        subpath: None,
    });
    let container = stand.container().clone();
    stand.engine = MemoryEngine::new().with_container(container).with_volume_file(&volume, name, text);
    stand
}

/// A server that is reached through TLS only, and shows one certificate while another, or the same, lies in its container.
async fn locked(shown: &CertifiedKey<KeyPair>, kept: &CertifiedKey<KeyPair>) -> Stand {
    let mut stand = Stand::double().await.without_grpc();
    stand.fill("receitas", 20).await;
    let port = stand.container().ports[0].host_port;
    let front = in_front_of(port, shown).await;
    stand.container().ports[0].host_port = front.port();
    let variable = "QDRANT__SERVICE__ENABLE_TLS".to_owned();
    stand.container().environment.insert(variable, Secret::new("true"));
    with_file(stand, "/qdrant/tls", "cert.pem", &kept.cert.pem())
}

#[tokio::test]
async fn the_certificate_in_the_container_is_trusted_and_no_other() {
    let own_one = own();
    let stand = locked(&own_one, &own_one).await;
    let (_dir, root) = root();
    let saved = stand.back_up(&root).await.expect("saved");
    saved.backup.check().expect("unharmed");
    assert_eq!(saved.backup.manifest.collections().into_iter().collect::<Vec<_>>(), ["receitas"]);

    let stand = locked(&own(), &own_one).await;
    let reason = why(stand.back_up(&root).await);
    assert!(reason.contains("certificate"), "{reason}");
}

#[tokio::test]
async fn a_key_in_a_mounted_file_is_used() {
    let stand = Stand::double_with(|config| config.api_key = Some("k".into())).await;
    stand.fill("receitas", 5).await;
    let mut stand = stand;
    stand.container().environment.clear();
    let (_dir, root) = root();
    let reason = why(stand.back_up(&root).await);
    assert!(reason.contains("key"), "{reason}");
    let stand = with_file(stand, "/qdrant/config", "production.yaml", "service:\n  api_key: k\n");
    stand.back_up(&root).await.expect("saved");
}
