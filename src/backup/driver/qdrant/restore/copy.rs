//! Copies a collection within one server or cluster, through snapshots that are taken before anything is changed.

use super::exists::exists;
use super::schema;
use super::shards::{agreed, copied};
use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::rest::{Descriptor, SnapshotTarget};
use crate::backup::driver::qdrant::state::fingerprint;

/// The snapshots of a collection: one of the collection, or one of each shard in a cluster.
pub(super) struct SnapshotCopy<'a> {
    client: &'a Client,
    from: &'a str,
    snapshots_taken: Vec<TakenSnapshot<'a>>,
}

struct TakenSnapshot<'a> {
    holder: &'a Client,
    of: SnapshotTarget<'a>,
    snapshot: Descriptor,
}

impl<'a> SnapshotCopy<'a> {
    /// Takes them. On an error they are deleted again, if the server allows that.
    pub(super) async fn take(client: &'a Client, from: &'a str) -> anyhow::Result<Self> {
        let mut copied = Self { client, from, snapshots_taken: Vec::new() };
        match copied.fill().await {
            Ok(()) => Ok(copied),
            Err(error) => {
                let _ = copied.delete().await;
                Err(error)
            }
        }
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        let (client, from) = (self.client, self.from);
        if client.cluster().is_none() {
            let snapshot = client.create_snapshot(from).await?;
            self.snapshots_taken.push(TakenSnapshot { holder: client, of: from.into(), snapshot });
            return Ok(());
        }
        let placement = client.placement(from).await?;
        for shard in placement.shards() {
            let (holder, of) = (client.holder(&placement, from, shard)?, SnapshotTarget::shard(from, shard));
            let snapshot = holder.create_snapshot(of).await?;
            self.snapshots_taken.push(TakenSnapshot { holder, of, snapshot });
        }
        Ok(())
    }

    pub(super) async fn delete(&self) -> anyhow::Result<()> {
        for piece in &self.snapshots_taken {
            piece.holder.delete_snapshot(piece.of, &piece.snapshot.name).await?;
        }
        Ok(())
    }

    /// Restores them into a new collection. `snapshots` is the server's snapshot directory, on its own file system.
    pub(super) async fn put(&self, name: &str, snapshots: &str) -> anyhow::Result<()> {
        match self.snapshots_taken.as_slice() {
            [TakenSnapshot { of, snapshot, .. }] if of.shard.is_none() => {
                self.put_full(name, snapshots, snapshot).await
            }
            _ => self.put_shards(name).await,
        }
    }

    /// On the server's own disk if it allows that, otherwise over the network.
    async fn put_full(&self, name: &str, snapshots: &str, snapshot: &Descriptor) -> anyhow::Result<()> {
        let (client, rest) = (self.client, self.client.rest());
        let location = format!("{snapshots}/{}/{}", self.from, snapshot.name);
        let refused = match rest.recover(name, &location, snapshot.checksum.as_deref()).await {
            Ok(()) => return Ok(()),
            // The server may still be working on it, or be gone.
            Err(error @ ApiError::Unreachable { .. }) => return Err(error.into()),
            Err(error) => error,
        };
        tracing::debug!(%refused, "the snapshot is not recovered on the server's disk");
        delete_partial(client, name).await?;
        let sent = rest.transfer(self.from.into(), snapshot, rest, name.into()).await;
        // The server keeps uploaded files.
        let cleaned = client.delete_snapshot(name, &names::transfer_name(self.from)).await;
        match sent {
            Ok(()) => Ok(cleaned?),
            Err(error) => {
                delete_partial(client, name).await?;
                Err(error.into())
            }
        }
    }

    async fn put_shards(&self, name: &str) -> anyhow::Result<()> {
        let put = async {
            let info = self.client.rest().info(self.from).await?;
            schema::create(self.client, name, &fingerprint::uncounted(&info)).await?;
            let wanted: Vec<u32> = self.snapshots_taken.iter().filter_map(|piece| piece.of.shard).collect();
            let placement = agreed(self.client, name, &wanted, &Cancellation::never()).await?;
            for TakenSnapshot { holder, of, snapshot } in &self.snapshots_taken {
                let Some(shard) = of.shard else { continue };
                let receiver = self.client.holder(&placement, name, shard)?;
                let to = SnapshotTarget::shard(name, shard);
                holder.rest().transfer(*of, snapshot, receiver.rest(), to).await?;
            }
            copied(self.client, name, &Cancellation::never()).await
        };
        match put.await {
            Ok(None) => Ok(()),
            Ok(Some(unsettled)) => {
                tracing::warn!(unsettled, "the cluster has not caught up yet");
                Ok(())
            }
            Err(error) => {
                delete_partial(self.client, name).await?;
                Err(error)
            }
        }
    }
}

/// Deletes the snapshots of a temporary collection that an earlier attempt left.
pub(super) async fn forget(client: &Client, of: &str) -> anyhow::Result<()> {
    if client.cluster().is_none() {
        return forget_at(client, of.into()).await;
    }
    let placement = client.placement(of).await?;
    for shard in placement.shards() {
        for holder in client.holders(&placement, shard) {
            forget_at(holder, SnapshotTarget::shard(of, shard)).await?;
        }
    }
    Ok(())
}

async fn forget_at(node: &Client, of: SnapshotTarget<'_>) -> anyhow::Result<()> {
    for left in node.rest().snapshots(of).await? {
        node.delete_snapshot(of, &left).await?;
    }
    Ok(())
}

/// The name was free before, so what has it now is the incomplete copy.
async fn delete_partial(client: &Client, name: &str) -> anyhow::Result<()> {
    if exists(client, name).await? {
        client.delete_collection(name).await?;
    }
    Ok(())
}
