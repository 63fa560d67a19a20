//! Where a Qdrant server listens, its API key, and its certificate.

use std::path::{Component, Path, PathBuf};

use super::settings::ServerSettings;
use super::{container_files, pinned};
use crate::backup::driver::DriverTarget;
use crate::secret::Secret;

/// The ports of the server's default configuration (`config/config.yaml`).
const HTTP: u16 = 6333;
const GRPC: u16 = 6334;

/// The server's working directory in its image, for relative paths.
const HOME: &str = "/qdrant";

/// The certificate of the server's default configuration.
const CERTIFICATE: &str = "./tls/cert.pem";

/// How to connect to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAccess {
    pub(crate) http_port: u16,
    pub(crate) grpc_port: u16,
    pub(crate) tls: bool,
    /// Its certificate, in DER, if it could be read from its container.
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) key: Option<Secret>,
}

impl ServerAccess {
    pub(crate) async fn of(target: DriverTarget<'_>) -> anyhow::Result<Self> {
        let settings = ServerSettings::of(target).await?;
        let tls = is_on(settings.get("service", "enable_tls"));
        let certificate = if tls { certificate(target, &settings).await } else { None };
        Ok(Self {
            http_port: port(settings.get("service", "http_port"), HTTP),
            grpc_port: port(settings.get("service", "grpc_port"), GRPC),
            tls,
            certificate,
            // The variable may be meant for another project, so the server's own key takes precedence.
            key: settings.get("service", "api_key").or_else(|| target.api_key.cloned().filter(is_set)),
        })
    }
}

async fn certificate(target: DriverTarget<'_>, settings: &ServerSettings<'_>) -> Option<Vec<u8>> {
    let set = settings.get("tls", "cert");
    let path = set.as_ref().map_or(CERTIFICATE, Secret::expose);
    pinned::certificate(&container_files::read(target, &in_home(path)).await?)
}

/// A path from the server's settings as an absolute one, without `.` and `..`.
pub(crate) fn in_home(path: &str) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in Path::new(HOME).join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    whole
}

/// The server's storage directory, inside its container.
pub(crate) fn storage_path(target: DriverTarget<'_>) -> PathBuf {
    let container = target.store.container.as_ref();
    let set = container.and_then(|container| container.environment.get("QDRANT__STORAGE__STORAGE_PATH"));
    in_home(set.map_or("storage", |path| path.expose().trim()))
}

fn is_set(key: &Secret) -> bool {
    !key.expose().trim().is_empty()
}

fn port(set: Option<Secret>, default: u16) -> u16 {
    set.and_then(|value| value.expose().parse().ok()).filter(|port| *port != 0).unwrap_or(default)
}

fn is_on(set: Option<Secret>) -> bool {
    set.is_some_and(|value| matches!(value.expose().to_lowercase().as_str(), "true" | "1" | "on" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::qdrant::fixtures;
    use crate::engine::memory::MemoryEngine;
    use crate::engine::{Mount, MountSource};
    use crate::progress::Silent;

    async fn access(variables: &[(&str, &str)], key: Option<&Secret>) -> ServerAccess {
        access_with(variables, key, &[]).await
    }

    /// With these files mounted into the container.
    async fn access_with(
        variables: &[(&str, &str)],
        key: Option<&Secret>,
        files: &[(&str, &str)],
    ) -> ServerAccess {
        let mut container = fixtures::container();
        for (name, value) in variables {
            container.environment.insert((*name).to_owned(), Secret::new(*value));
        }
        for directory in ["config", "tls"] {
            container.mounts.push(Mount {
                source: MountSource::Volume {
                    name: directory.into(),
                    driver: "local".into(),
                    anonymous: false,
                    inherited: false,
                },
                destination: Path::new(HOME).join(directory),
                read_only: true,
                subpath: None,
            });
        }
        let mut engine = MemoryEngine::new().with_container(container.clone());
        for (path, text) in files {
            let (directory, name) = path.split_once('/').expect("a directory");
            engine = engine.with_volume_file(directory, name, *text);
        }
        let store = fixtures::store(container);
        ServerAccess::of(DriverTarget {
            engine: &engine,
            store: &store,
            stores: &[],
            progress: &Silent,
            local: true,
            api_key: key,
            quiesce: None,
        })
        .await
        .expect("there is a container")
    }

    #[tokio::test]
    async fn the_container_says_where_and_with_which_key() {
        let found = access(
            &[
                ("QDRANT__SERVICE__HTTP_PORT", "7333"),
                ("QDRANT__SERVICE__GRPC_PORT", "7334"),
                ("QDRANT__SERVICE__API_KEY", "k"),
                ("QDRANT__SERVICE__ENABLE_TLS", "true"),
            ],
            None,
        )
        .await;
        let expected = ServerAccess {
            http_port: 7333,
            grpc_port: 7334,
            tls: true,
            certificate: None,
            key: Some(Secret::new("k")),
        };
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn what_is_not_said_is_as_the_server_has_it() {
        let expected =
            ServerAccess { http_port: 6333, grpc_port: 6334, tls: false, certificate: None, key: None };
        assert_eq!(access(&[], None).await, expected);
        let odd = [
            ("QDRANT__SERVICE__HTTP_PORT", "http"),
            ("QDRANT__SERVICE__API_KEY", ""),
            ("QDRANT__SERVICE__ENABLE_TLS", "false"),
        ];
        assert_eq!(access(&odd, None).await, expected);
    }

    #[tokio::test]
    async fn a_key_that_was_given_counts_where_the_container_has_none() {
        let given = Secret::new("given");
        assert_eq!(access(&[], Some(&given)).await.key, Some(given.clone()));
        assert_eq!(access(&[("QDRANT__SERVICE__API_KEY", " ")], Some(&given)).await.key, Some(given.clone()));
        // Another project's may be exported; the container's own is the server's.
        let found = access(&[("QDRANT__SERVICE__API_KEY", "k")], Some(&given)).await;
        assert_eq!(found.key, Some(Secret::new("k")));
    }

    const YAML: &str = "service:\n  api_key: of the file\n  http_port: 7000\n  enable_tls: true\ntls:\n  cert: ./tls/own.pem\n";

    #[tokio::test]
    async fn a_mounted_configuration_counts_and_the_environment_counts_more() {
        let files = [
            ("config/production.yaml", YAML),
            ("config/config.yaml", "service: { grpc_port: 7001, http_port: 1 }"),
        ];
        let found = access_with(&[], None, &files).await;
        assert_eq!((found.http_port, found.grpc_port, found.tls), (7000, 7001, true));
        assert_eq!(found.key, Some(Secret::new("of the file")));
        let variables = [("QDRANT__SERVICE__API_KEY", ""), ("QDRANT__SERVICE__HTTP_PORT", "8000")];
        let found = access_with(&variables, None, &files).await;
        assert_eq!((found.http_port, found.key), (8000, None));
        let found = access_with(&[("RUN_MODE", "staging")], None, &files).await;
        assert_eq!((found.http_port, found.key), (1, None));
        let broken = [("config/production.yaml", "service: [")];
        assert_eq!(access_with(&[], None, &broken).await.http_port, HTTP);
    }

    #[tokio::test]
    async fn the_certificate_is_read_where_the_settings_say() {
        let own = rcgen::generate_simple_self_signed(["qdrant.internal".to_owned()]).expect("a certificate");
        let pem = own.cert.pem();
        let files = [("config/production.yaml", YAML), ("tls/own.pem", pem.as_str())];
        let found = access_with(&[], None, &files).await;
        assert_eq!(found.certificate.as_deref(), Some(own.cert.der().as_ref()));
        let variables = [("QDRANT__TLS__CERT", "/qdrant/tls/cert.pem")];
        assert_eq!(access_with(&variables, None, &files).await.certificate, None);
        let off = [("QDRANT__SERVICE__ENABLE_TLS", "false")];
        assert_eq!(access_with(&off, None, &files).await.certificate, None);
    }
}
