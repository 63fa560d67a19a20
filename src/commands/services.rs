//! The services that a command names.

use super::context::ProjectContext;
use super::format;
use crate::error::Failure;
use crate::exit::Exit;

/// Fails where a service that was named holds no data.
pub(super) fn ensure_known(cx: &ProjectContext<'_>, services: &[String]) -> Result<(), Failure> {
    for service in services {
        if cx.inventory.stores.iter().all(|store| store.service != *service) {
            return Err(Failure::new(
                Exit::Usage,
                format!("no service `{service}` holds data in this project"),
            )
            .say(format!("Services that hold data: {}.", format::services(&cx.inventory))));
        }
    }
    Ok(())
}
