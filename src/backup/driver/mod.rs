//! One driver for each kind of store: counts it, copies it, puts it back.

pub mod endpoint;
pub mod qdrant;
pub mod scratch;
pub mod volume;

use async_trait::async_trait;

use super::export::{Contents, Sink};
use super::fingerprint::{Difference, Fingerprint};
use super::manifest::{Artifact, Proof};
use super::proof::Trial;
use super::store::{Backup, Staging};
use crate::engine::{Container, Engine};
use crate::inventory::{Store, StoreKind};
use crate::policy::Clearance;
use crate::progress::Progress;
use crate::secret::Secret;
use scratch::TestEnv;

/// The store a driver works on, and what it may use.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub engine: &'a dyn Engine,
    /// The engine's file system and network are those of this machine.
    pub local: bool,
    pub store: &'a Store,
    /// Every store of the project: some may be nodes of one cluster with it.
    pub stores: &'a [Store],
    pub progress: &'a dyn Progress,
    /// The API key to use, where the container's environment has none.
    pub api_key: Option<&'a Secret>,
}

impl<'a> Target<'a> {
    /// The container of the store; an error where only its volumes are left.
    pub fn container(&self) -> anyhow::Result<&'a Container> {
        let store = self.store;
        store.container.as_ref().ok_or_else(|| anyhow::anyhow!("`{}` has no container", store.service))
    }
}

impl StoreKind {
    pub fn driver(self) -> &'static dyn Driver {
        match self {
            Self::Qdrant => const { &qdrant::QdrantDriver::new() },
            Self::Volume => &volume::VolumeDriver,
        }
    }
}

/// What a dump has made.
#[derive(Debug)]
pub struct Dump {
    /// The server's version, where there is a server.
    pub server: Option<String>,
    pub fingerprint: Fingerprint,
    pub artifacts: Vec<Artifact>,
    pub proof: Proof,
    pub restore_by_hand: Vec<String>,
    /// What the user should know: `points were written meanwhile`.
    pub remarks: Vec<String>,
}

/// What a portable export has come to, beside its file.
#[derive(Debug, Default)]
pub struct Exported {
    /// What the user should know: `points were written meanwhile`.
    pub remarks: Vec<String>,
}

/// What to put back.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Only these collections; all when empty.
    pub collections: Vec<String>,
    /// Under this name instead of its own; with one collection only.
    pub rename: Option<String>,
    /// Only the configuration: collections come back empty.
    pub schema_only: bool,
    /// What is there already stays as it is.
    pub skip_existing: bool,
}

impl Request {
    /// Fails where it asks for a collection that is not there. `of` names what has these.
    fn ensure_known(&self, of: &str, known: &[&str]) -> anyhow::Result<()> {
        let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let list = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        match self.collections.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => anyhow::bail!("{of} has no collection `{name}`; it has {list}"),
            None => Ok(()),
        }
    }

    /// Fails where another name is wanted for so many collections, and cannot be had.
    fn ensure_nameable(&self, chosen: usize) -> anyhow::Result<()> {
        let Some(rename) = &self.rename else { return Ok(()) };
        anyhow::ensure!(!rename.is_empty(), "the new name is empty");
        anyhow::ensure!(
            chosen == 1,
            "only one collection can get another name, and {chosen} are to be restored"
        );
        Ok(())
    }
}

/// What a restore would do, before it does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether something that is there would be replaced, and so has to be saved first.
    pub fn replaces(&self) -> bool {
        self.steps.iter().any(|step| step.action == Action::Replace)
    }
}

/// One collection, or one volume, of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name in the backup.
    pub from: String,
    /// The name it gets.
    pub to: String,
    pub action: Action,
    /// Points, or files, in the backup.
    pub count: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing of that name is there.
    Create,
    /// It takes the place of what is there.
    Replace,
    /// What is there stays.
    Keep,
    /// An earlier restore of this backup has removed what was there, and was cut off before its place was taken.
    Finish,
}

/// What a restore has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub steps: Vec<Step>,
    pub aliases: Vec<String>,
    pub remarks: Vec<String>,
}

/// A kind of store that can be copied, checked, and put back.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Counts what is there. Fails when the server cannot be asked.
    async fn fingerprint(&self, target: Target<'_>) -> anyhow::Result<Fingerprint>;

    /// Waits until the server answers, and then counts.
    async fn wait_ready(&self, target: Target<'_>, limit: std::time::Duration) -> anyhow::Result<()>;

    /// What `now` lacks of what was recorded. Pure.
    fn compare(&self, recorded: &Fingerprint, now: &Fingerprint) -> Vec<Difference>;

    /// The ids of the stores of the project that are nodes of one cluster with this one, itself among them; empty where it
    /// stands alone.
    async fn cluster(&self, target: Target<'_>) -> anyhow::Result<Vec<String>> {
        let _ = target;
        Ok(Vec::new())
    }

    /// Whether nothing was written since a backup. `true` only where the server proves it; `false` says nothing.
    async fn is_unchanged_since(&self, target: Target<'_>, backup: &Backup) -> anyhow::Result<bool> {
        let _ = (target, backup);
        Ok(false)
    }

    /// Copies everything into `into`, reads it back and checks it. What has not changed since the `previous` backup may
    /// be taken over from it.
    async fn dump(
        &self,
        target: Target<'_>,
        previous: Option<&Backup>,
        into: &mut Staging,
    ) -> anyhow::Result<Dump>;

    /// Works out what a restore would do; changes nothing.
    async fn plan_restore(
        &self,
        target: Target<'_>,
        from: &Backup,
        request: &Request,
    ) -> anyhow::Result<Plan>;

    /// Puts a backup back as planned: into a new place first, counted there, then switched.
    async fn restore(
        &self,
        target: Target<'_>,
        from: &Backup,
        plan: &Plan,
        request: &Request,
        proof: &Clearance,
    ) -> anyhow::Result<Restored>;

    /// Whether there is more to try than to read a backup to its end.
    fn can_try(&self) -> bool {
        false
    }

    /// Puts a backup into a scratch server of the image that it was taken from, and compares. Fails when that cannot be
    /// tried; what it shows about the backup is in the [`Trial`].
    async fn try_out(&self, ground: TestEnv<'_>, from: &Backup) -> anyhow::Result<Trial> {
        let _ = ground;
        anyhow::bail!("`{}` is of plain files, which no server takes", from.name())
    }

    /// Writes everything into a portable file, as text that other tools and other versions understand.
    async fn export(&self, target: Target<'_>, _: &Sink) -> anyhow::Result<Exported> {
        Err(anyhow::anyhow!(
            "`{}` holds plain files, and only a Qdrant can be exported",
            target.store.service
        ))
    }

    /// Works out what restoring a portable file would do; changes nothing.
    async fn plan_import(&self, target: Target<'_>, _: &Contents, _: &Request) -> anyhow::Result<Plan> {
        Err(anyhow::anyhow!("`{}` holds plain files, and an export goes into a Qdrant", target.store.service))
    }

    /// Puts a portable file back as planned: loaded beside, counted there, then switched.
    async fn import(
        &self,
        target: Target<'_>,
        _: &Contents,
        _: &Plan,
        _: &Request,
        _: &Clearance,
    ) -> anyhow::Result<Restored> {
        Err(anyhow::anyhow!("`{}` holds plain files, and an export goes into a Qdrant", target.store.service))
    }
}
