//! Creates empty collections from their recorded configuration.

use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::state::body;
use crate::backup::driver::qdrant::state::vectors::Vectors;
use crate::backup::fingerprint::CollectionFingerprint;

/// Creates a collection that does not exist yet.
pub(crate) async fn create(
    client: &Client,
    name: &str,
    recorded: &CollectionFingerprint,
) -> anyhow::Result<Vec<String>> {
    client.rest().create_collection(name, &body::body(&recorded.config)).await?;
    let filled = fill(client, name, recorded).await;
    if filled.is_err() {
        // It is empty: a partly configured collection would look like a restored one.
        let _ = client.delete_collection(name).await;
    }
    filled
}

async fn fill(client: &Client, name: &str, recorded: &CollectionFingerprint) -> anyhow::Result<Vec<String>> {
    for index in body::indexes(&recorded.payload_schema) {
        client.rest().create_index(name, &index).await?;
    }
    let info = client.rest().info(name).await?;
    let (expected, found) = (Vectors::of(&recorded.config), Vectors::of(&info["config"]));
    anyhow::ensure!(
        expected == found,
        "collection `{name}` was created with the vectors {found} instead of {expected}"
    );
    let mut remarks = Vec::new();
    if crate::backup::driver::qdrant::save::manual_restore::is_custom_sharded(&recorded.config) {
        remarks.push(format!(
            "collection `{name}` has custom sharding; its shard keys must be created manually"
        ));
    }
    Ok(remarks)
}
