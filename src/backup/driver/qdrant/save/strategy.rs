//! The strategy for one collection: link the last backup if nothing was written since, otherwise an incremental backup if
//! the last one can be extended, otherwise a full one. Any problem or doubt about a cheaper strategy leads to the next one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::full::{self, CollectionJob, FullOutcome};
use super::incremental::{self, IncrementalJob};
use super::incremental_chain::{IncrementalChain, only_shard};
use crate::backup::driver::DriverTarget;
use crate::backup::driver::cancellation::run_to_completion;
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::state::fingerprint::{CountedServer, schema};
use crate::backup::driver::qdrant::state::write_position;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::fingerprint::{CollectionFingerprint, QdrantFingerprint};
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::backup::store::{Backup, Staging};
use crate::progress::Unit;

/// A backup of a server that is being made.
pub(crate) struct ServerDump<'a> {
    target: DriverTarget<'a>,
    client: &'a Arc<Client>,
    previous: Option<&'a Backup>,
    timeouts: Timeouts,
    /// The fingerprint before the backup.
    known: BTreeMap<String, (CollectionFingerprint, Value)>,
    pub(crate) saved: QdrantFingerprint,
    /// The infos of the saved collections, as the server reported them.
    pub(crate) infos: Vec<(String, Value)>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) remarks: Vec<String>,
}

impl<'a> ServerDump<'a> {
    pub(crate) fn new(
        target: DriverTarget<'a>,
        client: &'a Arc<Client>,
        previous: Option<&'a Backup>,
        timeouts: Timeouts,
        taken: CountedServer,
    ) -> Self {
        let CountedServer { mut fingerprint, infos } = taken;
        let mut collections = std::mem::take(&mut fingerprint.collections);
        let known = infos
            .into_iter()
            .filter_map(|(name, info)| Some((name.clone(), (collections.remove(&name)?, info))))
            .collect();
        Self {
            target,
            client,
            previous,
            timeouts,
            known,
            saved: fingerprint,
            infos: Vec::new(),
            artifacts: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Backs up one collection.
    pub(crate) async fn collection(&mut self, name: &str, into: &mut Staging) -> anyhow::Result<()> {
        if let Some((known, info)) = self.known.get(name).cloned() {
            let chain = self
                .previous
                .and_then(|backup| IncrementalChain::of(backup, name, &known, self.client.version()));
            if let Some(chain) = chain
                && self.incremental(name, &chain, known, info, into).await?
            {
                return Ok(());
            }
        }
        self.full(name, into).await
    }

    /// Backs up what changed since the previous backup, if possible. Returns whether the collection is backed up.
    async fn incremental(
        &mut self,
        name: &str,
        chain: &IncrementalChain<'_>,
        known: CollectionFingerprint,
        info: Value,
        into: &mut Staging,
    ) -> anyhow::Result<bool> {
        if chain.is_current(&known) {
            return Ok(self.take_over(&chain.paths(&known), known, (name, info), into));
        }
        let (Some((number, most)), Some((shard, versions))) = (chain.next(), chain.versions()) else {
            return Ok(false);
        };
        if only_shard(&known) != Some(shard) || !chain.can_be_extended(&known) {
            return Ok(false);
        }
        let job = IncrementalJob {
            name: name.to_owned(),
            shard,
            versions,
            number,
            most,
            directory: into.directory().to_owned(),
            task: self.target.progress.begin(
                &format!("backing up the changes of collection `{name}`"),
                Unit::Bytes,
                None,
            ),
            timeouts: self.timeouts,
        };
        let shared = Arc::clone(self.client);
        let outcome =
            run_to_completion(async move |cancellation| incremental::save(&shared, job, &cancellation).await)
                .await?;
        match outcome {
            incremental::IncrementalOutcome::UseFull => Ok(false),
            // Two empty lists of files are equal, too, and so are two of version 0.
            incremental::IncrementalOutcome::Same => Ok(chain.has_same_count(&known)
                && self.take_over(&chain.paths(&known), known, (name, info), into)),
            incremental::IncrementalOutcome::Changed(changed) => {
                let path = changed.artifact.path.clone();
                // An operation that was being applied can be in the increment by half.
                if !chain.fits(&into.directory().join(&path), shard).await
                    || !self.is_still(name, &known, Some(&info)).await
                    || !self.take_over(&chain.links(), known, (name, info), into)
                {
                    into.discard(&path)?;
                    return Ok(false);
                }
                into.was_read_back(&changed.artifact);
                self.artifacts.push(changed.artifact);
                self.artifacts.push(versions_file(name, shard, &changed.versions, into)?);
                Ok(true)
            }
        }
    }

    /// Links files of the previous backup. If one is damaged, the collection gets a full backup.
    fn take_over(
        &mut self,
        paths: &[String],
        known: CollectionFingerprint,
        (name, info): (&str, Value),
        into: &mut Staging,
    ) -> bool {
        let Some(previous) = self.previous else { return false };
        let mut taken = Vec::new();
        for path in paths {
            match into.link_from(previous, path) {
                Ok(artifact) => taken.push(artifact),
                Err(error) => {
                    self.remarks.push(format!("collection `{name}` gets a full backup: {error}"));
                    for artifact in &taken {
                        // If this fails, the verification at the end fails.
                        let _ = into.discard(&artifact.path);
                    }
                    return false;
                }
            }
        }
        self.artifacts.extend(taken);
        self.saved.collections.insert(name.to_owned(), known);
        self.infos.push((name.to_owned(), info));
        true
    }

    /// Whether nothing at all happened to a collection since its write position was read: no write and no optimization, and,
    /// if it is compared with its info, no change of its settings since then either.
    async fn is_still(&self, name: &str, known: &CollectionFingerprint, info: Option<&Value>) -> bool {
        if let Some(info) = info {
            let Ok(now) = self.client.rest().info(name).await else { return false };
            // The points were counted before the write position was read.
            let counted = self.client.count(name, &now).await.ok();
            if now["config"] != info["config"]
                || schema(&now["payload_schema"]) != schema(&info["payload_schema"])
                || counted != known.points
            {
                return false;
            }
        }
        let now = write_position::without_files(self.client, name).await;
        now.zip(known.write_position.as_ref()).is_some_and(|(now, known)| now.is_still(known))
    }

    async fn full(&mut self, name: &str, into: &mut Staging) -> anyhow::Result<()> {
        let job = CollectionJob {
            name: name.to_owned(),
            known: self.known.get(name).map(|(known, _)| known.clone()),
            directory: into.directory().to_owned(),
            task: self.target.progress.begin(&format!("backing up collection `{name}`"), Unit::Bytes, None),
            timeouts: self.timeouts,
        };
        let shared = Arc::clone(self.client);
        let outcome =
            run_to_completion(async move |cancellation| full::save(&shared, job, &cancellation).await)
                .await?;
        match outcome {
            FullOutcome::SavedCollection(one) => {
                one.artifacts.iter().for_each(|artifact| into.was_read_back(artifact));
                self.artifacts.extend(one.artifacts);
                // Otherwise the versions need not be those of the files in the snapshot.
                if let Some((shard, versions)) = &one.versions
                    && self.is_still(name, &one.collection, None).await
                {
                    self.artifacts.push(versions_file(name, *shard, versions, into)?);
                }
                self.saved.collections.insert(name.to_owned(), one.collection);
                self.infos.push((name.to_owned(), one.info));
                self.remarks.extend(one.remarks);
            }
            FullOutcome::Deleted => {
                self.remarks
                    .push(format!("collection `{name}` was deleted during the backup and is not in it"));
            }
        }
        Ok(())
    }
}

fn versions_file(name: &str, shard: u32, versions: &Value, into: &Staging) -> anyhow::Result<Artifact> {
    let path = format!("collections/{}.versions.json", names::in_file(name));
    let contents = ArtifactContents::SegmentVersions { collection: name.to_owned(), shard };
    Ok(into.write(&path, versions.to_string().as_bytes(), contents)?)
}
