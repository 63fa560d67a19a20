//! The former server of a service and the new one, as temporary servers are started as them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::backup::driver::evidence::file_of;
use crate::commands::context::ProjectContext;
use crate::compose::model::Service;
use crate::engine::Container;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;
use crate::inventory::version::{self, VersionFile};
use crate::secret::Secret;

/// What the images of PostgreSQL read from the file of `NAME_FILE`.
const FROM_FILES: [&str; 4] = ["POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"];

/// The one that a temporary server can do without: another password does for it.
const PASSWORD: &str = "POSTGRES_PASSWORD";

/// The variables that the file gives a service. Where a variable names a file of the container, its content is used: a
/// temporary server has no such file.
pub(super) async fn declared(
    cx: &ProjectContext<'_>,
    store: &Store,
    service: &Service,
) -> Result<BTreeMap<String, Secret>, Failure> {
    resolved(cx, store.container.as_ref(), service.environment.clone()).await
}

/// The variables that a container has; those in the file if there is none.
pub(super) async fn former(
    cx: &ProjectContext<'_>,
    store: &Store,
    service: &Service,
) -> Result<BTreeMap<String, Secret>, Failure> {
    match &store.container {
        Some(container) => resolved(cx, Some(container), container.environment.clone()).await,
        None => declared(cx, store, service).await,
    }
}

async fn resolved(
    cx: &ProjectContext<'_>,
    container: Option<&Container>,
    mut environment: BTreeMap<String, Secret>,
) -> Result<BTreeMap<String, Secret>, Failure> {
    for name in FROM_FILES {
        let Some(path) = environment.remove(&format!("{name}_FILE")) else { continue };
        let content = match container {
            Some(container) => {
                let read = file_of(cx.engine.as_ref(), &container.id, path.expose().as_ref()).await;
                read.ok().flatten().and_then(|content| String::from_utf8(content).ok())
            }
            None => None,
        };
        match content {
            Some(content) => {
                environment.insert(name.to_owned(), Secret::new(content.trim_end_matches('\n')));
            }
            None if name == PASSWORD => {}
            None => {
                return Err(Failure::new(
                    Exit::BackupFailed,
                    format!("the file of `{name}_FILE` cannot be read, and a temporary server needs it"),
                )
                .say("Nothing was changed. It can be read where the service has a container."));
            }
        }
    }
    Ok(environment)
}

/// Where a container has the data of PostgreSQL; where the image of the service has it, if there is no container.
pub(super) fn former_data(store: &Store, service: &Service) -> Option<PathBuf> {
    match &store.container {
        Some(container) => directory(version::files_of_container(container)),
        None => directory(version::files_of_service(service, None)),
    }
}

/// The first directory that may have the data.
pub(super) fn directory(files: Vec<(VersionFile, PathBuf)>) -> Option<PathBuf> {
    files.into_iter().find_map(|(_, path)| path.parent().map(PathBuf::from))
}
