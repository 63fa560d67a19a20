//! The store that a driver works on.

use crate::backup::quiesce::Quiesce;
use crate::engine::{Container, Engine};
use crate::inventory::Store;
use crate::progress::Progress;
use crate::secret::Secret;

/// The store that a driver works on, and what the driver may use.
#[derive(Clone, Copy)]
pub struct DriverTarget<'a> {
    pub engine: &'a dyn Engine,
    /// The engine's file system and network are those of this machine.
    pub local: bool,
    pub store: &'a Store,
    /// Every store of the project: some may be nodes of the same cluster.
    pub stores: &'a [Store],
    pub progress: &'a dyn Progress,
    /// The API key to use if the server's own configuration has none.
    pub api_key: Option<&'a Secret>,
    /// Keeps containers from writing while their files are copied. Without it, files are copied from whatever runs.
    pub quiesce: Option<&'a dyn Quiesce>,
}

impl<'a> DriverTarget<'a> {
    /// The container of the store; an error if only its volumes are left.
    pub fn container(&self) -> anyhow::Result<&'a Container> {
        let store = self.store;
        store.container.as_ref().ok_or_else(|| anyhow::anyhow!("`{}` has no container", store.service))
    }
}
