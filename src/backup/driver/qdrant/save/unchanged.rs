//! Whether a server is unchanged since a backup. Checked before every stop, so it takes no snapshot: it compares the write
//! positions, and then counts, which finds what a counter of the server that is wrong would hide.

use std::collections::BTreeMap;

use super::incremental_chain::IncrementalChain;
use crate::backup::driver::DriverTarget;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::state::fingerprint;
use crate::backup::fingerprint::{CollectionFingerprint, Fingerprint};
use crate::backup::store::Backup;

/// Whether the server proves that nothing was written since a backup.
pub(crate) async fn since(target: DriverTarget<'_>, backup: &Backup) -> anyhow::Result<bool> {
    let Fingerprint::Qdrant(recorded) = &backup.manifest.fingerprint else { return Ok(false) };
    let client = Client::connect_all(target).await?;
    if client.version() != recorded.version
        || client.collections().await?.iter().ne(recorded.collections.keys())
        || client.aliases().await?.into_iter().collect::<BTreeMap<_, _>>() != recorded.aliases
    {
        return Ok(false);
    }
    let mut marks = fingerprint::marks(&client, target).await?;
    for name in recorded.collections.keys() {
        let Some(position) = marks.remove(name) else { return Ok(false) };
        let (counted, _) = fingerprint::count(&client, name).await?;
        let now = CollectionFingerprint { write_position: Some(position), ..counted };
        let current = IncrementalChain::of(backup, name, &now, client.version())
            .is_some_and(|chain| chain.is_current(&now));
        if !current {
            return Ok(false);
        }
    }
    Ok(true)
}
