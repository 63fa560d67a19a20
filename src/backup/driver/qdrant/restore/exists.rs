//! Whether a collection of some name is on the server.

use anyhow::anyhow;

use crate::backup::driver::qdrant::server::client::Client;

pub(crate) async fn exists(client: &Client, name: &str) -> anyhow::Result<bool> {
    Ok(client.collections().await?.iter().any(|one| one == name))
}

/// Between the plan and now somebody may have made one of that name.
pub(crate) async fn still_free(client: &Client, name: &str) -> anyhow::Result<()> {
    if exists(client, name).await? {
        return Err(anyhow!(
            "a collection `{name}` has come into being since the restore was planned; nothing was done to it"
        ));
    }
    Ok(())
}
