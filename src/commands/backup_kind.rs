//! How a store is backed up: a running server by its own tools where it has any, everything else as files.

use super::context::ProjectContext;
use crate::engine::ContainerState;
use crate::inventory::{LocationSource, SqlServer, Store, StoreKind, known};
use crate::settings::BackedCommand;

/// The store as it is backed up; `None` if there is nothing to copy from. A stopped server cannot be asked, but its files can be
/// copied, and so can volumes whose containers were removed.
pub(super) fn backed_up(cx: &ProjectContext<'_>, store: &Store) -> Option<Store> {
    if store.is_server() && store.is_running() {
        Some(store.clone())
    } else if let Some(server) = sql_server(cx, store) {
        Some(Store { kind: StoreKind::Sql(server), ..store.clone() })
    } else if store.container.is_some() || has_volume(cx, store) {
        Some(Store { kind: StoreKind::Volume, ..store.clone() })
    } else {
        None
    }
}

/// The running store as it is backed up before a command that only stops it; `None` if it is not a database, or if the
/// settings want no backup before this command.
pub(super) fn before_stop(cx: &ProjectContext<'_>, store: &Store) -> Option<Store> {
    let command = cx.command.reading.subcommand.as_ref().and_then(BackedCommand::of)?;
    let own = cx.settings.services.get(&store.service);
    let before = own.and_then(|own| own.backup_before.as_ref()).unwrap_or(&cx.settings.backup.before);
    let container = store.container.as_ref().filter(|container| container.is_running())?;
    let is_database = store.is_server() || known::is_database(container);
    (is_database && before.contains(&command)).then(|| backed_up(cx, store)).flatten()
}

/// The running database server of a store that is dumped with its own tools, unless the settings want its files.
fn sql_server(cx: &ProjectContext<'_>, store: &Store) -> Option<SqlServer> {
    let container = store.container.as_ref().filter(|one| one.state == ContainerState::Running)?;
    match cx.settings.services.get(&store.service).and_then(|settings| settings.kind) {
        Some(StoreKind::Sql(server)) => Some(server),
        Some(StoreKind::Volume | StoreKind::Qdrant) => None,
        None => known::sql_server(container),
    }
}

/// Whether a volume of the store exists.
fn has_volume(cx: &ProjectContext<'_>, store: &Store) -> bool {
    store.locations.iter().any(|place| match &place.source {
        LocationSource::Volume { name: Some(name), .. } => {
            cx.volumes.iter().any(|volume| volume.name == *name)
        }
        LocationSource::Volume { name: None, .. }
        | LocationSource::Bind { .. }
        | LocationSource::Tmpfs
        | LocationSource::Layer => false,
    })
}
