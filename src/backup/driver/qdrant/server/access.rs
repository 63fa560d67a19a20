//! Where a Qdrant server listens and which key it wants, as its container's environment says.

use std::path::{Path, PathBuf};

use crate::backup::driver::Target;
use crate::engine::Container;
use crate::secret::Secret;

/// The ports of the server's default configuration (`config/config.yaml`).
const HTTP: u16 = 6333;
const GRPC: u16 = 6334;

/// How to talk to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) http_port: u16,
    pub(crate) grpc_port: u16,
    pub(crate) tls: bool,
    pub(crate) key: Option<Secret>,
}

impl Access {
    pub(crate) fn of(target: Target<'_>) -> anyhow::Result<Self> {
        let container = target.container()?;
        Ok(Self {
            http_port: port(container, "QDRANT__SERVICE__HTTP_PORT", HTTP),
            grpc_port: port(container, "QDRANT__SERVICE__GRPC_PORT", GRPC),
            tls: is_on(container, "QDRANT__SERVICE__ENABLE_TLS"),
            key: keyed(container.environment.get("QDRANT__SERVICE__API_KEY"))
                .or_else(|| keyed(target.api_key))
                .cloned(),
        })
    }
}

/// Where the server keeps its data, inside its container.
pub(crate) fn storage_path(target: Target<'_>) -> PathBuf {
    let container = target.store.container.as_ref();
    let set = container.and_then(|container| container.environment.get("QDRANT__STORAGE__STORAGE_PATH"));
    // A relative one counts from the image's working directory.
    Path::new("/qdrant").join(set.map_or("storage", |path| path.expose().trim()))
}

/// The server takes an empty key for none.
fn keyed(key: Option<&Secret>) -> Option<&Secret> {
    key.filter(|key| !key.expose().trim().is_empty())
}

fn port(container: &Container, variable: &str, default: u16) -> u16 {
    container
        .environment
        .get(variable)
        .and_then(|value| value.expose().trim().parse().ok())
        .filter(|port| *port != 0)
        .unwrap_or(default)
}

fn is_on(container: &Container, variable: &str) -> bool {
    let value = container.environment.get(variable).map(|value| value.expose().trim().to_lowercase());
    matches!(value.as_deref(), Some("true" | "1" | "on" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::qdrant::examples;
    use crate::engine::memory::MemoryEngine;
    use crate::progress::Silent;

    fn access(variables: &[(&str, &str)], key: Option<&Secret>) -> Access {
        let mut container = examples::container();
        for (name, value) in variables {
            container.environment.insert((*name).to_owned(), Secret::new(*value));
        }
        let store = examples::store(container);
        let engine = MemoryEngine::new();
        Access::of(Target {
            engine: &engine,
            store: &store,
            stores: &[],
            progress: &Silent,
            local: true,
            api_key: key,
        })
        .expect("there is a container")
    }

    #[test]
    fn the_container_says_where_and_with_which_key() {
        let found = access(
            &[
                ("QDRANT__SERVICE__HTTP_PORT", "7333"),
                ("QDRANT__SERVICE__GRPC_PORT", "7334"),
                ("QDRANT__SERVICE__API_KEY", "k"),
                ("QDRANT__SERVICE__ENABLE_TLS", "true"),
            ],
            None,
        );
        let expected = Access { http_port: 7333, grpc_port: 7334, tls: true, key: Some(Secret::new("k")) };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_said_is_as_the_server_has_it() {
        let expected = Access { http_port: 6333, grpc_port: 6334, tls: false, key: None };
        assert_eq!(access(&[], None), expected);
        let odd = [
            ("QDRANT__SERVICE__HTTP_PORT", "http"),
            ("QDRANT__SERVICE__API_KEY", ""),
            ("QDRANT__SERVICE__ENABLE_TLS", "false"),
        ];
        assert_eq!(access(&odd, None), expected);
    }

    #[test]
    fn a_key_that_was_given_counts_where_the_container_has_none() {
        let given = Secret::new("given");
        assert_eq!(access(&[], Some(&given)).key, Some(given.clone()));
        assert_eq!(access(&[("QDRANT__SERVICE__API_KEY", " ")], Some(&given)).key, Some(given.clone()));
        // Another project's may be exported; the container's own is the server's.
        let found = access(&[("QDRANT__SERVICE__API_KEY", "k")], Some(&given));
        assert_eq!(found.key, Some(Secret::new("k")));
    }
}
