//! Whether a collection exists on the server.

use anyhow::anyhow;

use crate::backup::driver::qdrant::server::client::Client;

pub(crate) async fn exists(client: &Client, name: &str) -> anyhow::Result<bool> {
    Ok(client.collections().await?.iter().any(|one| one == name))
}

/// Fails if somebody created a collection with that name since the restore was planned.
pub(crate) async fn still_free(client: &Client, name: &str) -> anyhow::Result<()> {
    if exists(client, name).await? {
        return Err(anyhow!(
            "collection `{name}` was created after the restore was planned; it was not touched"
        ));
    }
    Ok(())
}
