//! TLS in front of a socket, as a Docker Engine has it with `--tlsverify`: it shows a certificate and wants one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;

/// Who signs the certificates of both sides.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        // By one name, OpenSSL takes what it has signed for self-signed.
        params.distinguished_name.push(DnType::CommonName, "the authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed"))
    }

    fn sign(&self, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.0).expect("signed"), key)
    }

    /// What `DOCKER_CERT_PATH` names, made in a new directory.
    pub fn client(&self, directory: &Path) -> String {
        let (certificate, key) = self.sign(ExtendedKeyUsagePurpose::ClientAuth);
        fs::create_dir(directory).expect("made");
        for (name, pem) in
            [("ca.pem", self.0.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
        {
            fs::write(directory.join(name), pem).expect("written");
        }
        directory.display().to_string()
    }

    /// Leads a TCP port to a socket, for as long as the process lives; gives its address.
    pub fn listen(&self, socket: &str) -> String {
        let acceptor = TlsAcceptor::from(Arc::new(self.server()));
        let socket = PathBuf::from(socket.trim_start_matches("unix://"));
        let (tell, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address").to_string()).expect("heard");
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, socket) = (acceptor.clone(), socket.clone());
                    tokio::spawn(async move {
                        let (Ok(mut from), Ok(mut to)) =
                            (acceptor.accept(stream).await, UnixStream::connect(&socket).await)
                        else {
                            return;
                        };
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    });
                }
            });
        });
        address.recv().expect("it listens")
    }

    fn server(&self) -> ServerConfig {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (certificate, key) = self.sign(ExtendedKeyUsagePurpose::ServerAuth);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("it is an authority");
        let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("one authority");
        ServerConfig::builder()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate and its key")
    }
}
