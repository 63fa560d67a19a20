//! What a driver needs to keep containers from writing while it copies their files.

use async_trait::async_trait;

use crate::engine::Container;

/// Keeps containers from writing. Whoever implements it also returns them to their state when the copy fails or is
/// interrupted.
#[async_trait]
pub trait Quiesce: Send + Sync {
    /// Keeps running containers from writing, as far as the settings want that. One that is paused already stays so.
    async fn hold(&self, writers: &[Container]) -> anyhow::Result<()>;

    /// The same without stopping any: nothing but their processes has the files.
    async fn freeze(&self, writers: &[Container]) -> anyhow::Result<()>;

    /// Ends what was begun for one copy. What is stopped for the entire command stays stopped.
    async fn release(&self) -> anyhow::Result<()>;
}
