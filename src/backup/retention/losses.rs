//! The losses that nobody has restored or accepted, and the backups that may still have the lost data.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::backup::baseline::StoreBaseline;
use crate::backup::manifest::Manifest;
use crate::backup::store::{Backup, BackupRoot};

/// Every unresolved loss, by the directory of its store.
#[derive(Debug, Default)]
pub struct UnresolvedLosses {
    stores: BTreeMap<PathBuf, StoreLosses>,
}

#[derive(Debug)]
enum StoreLosses {
    Known(Vec<OpenLoss>),
    /// A baseline cannot be read, so it may record a loss.
    Unknown,
}

/// One loss, of a project.
#[derive(Debug, Clone)]
struct OpenLoss {
    /// `None` in baselines of older versions, which may be anybody's.
    project: Option<String>,
    engine: Option<String>,
    /// The backup that was made when the data was last known to be complete.
    backup: Option<String>,
    /// When the data was last known to be complete, and when the loss was found: the data may have been lost at any time
    /// in between.
    times: [Timestamp; 2],
}

/// What the losses of a store require.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeptForLosses {
    /// These backups, by name.
    Names(BTreeSet<String>),
    /// Every backup.
    All,
}

impl UnresolvedLosses {
    /// Reads the baselines of the stores that these backups are of.
    pub fn read(root: &BackupRoot, backups: &[Backup]) -> Self {
        let mut stores = BTreeMap::new();
        for backup in backups {
            // A backup of a cluster lies with one of its nodes, and each node has a baseline.
            let nodes = backup.manifest.cluster.iter().map(String::as_str);
            for store in nodes.chain([backup.store()]) {
                if let Ok(directory) = root.of_store(store) {
                    stores.entry(directory).or_insert_with(|| StoreLosses::read(root, store));
                }
            }
        }
        Self { stores }
    }

    /// What has to be kept of the backups of one class of a store, which are sorted newest first.
    pub(super) fn kept_of(&self, directory: Option<&Path>, newest_first: &[&Backup]) -> KeptForLosses {
        let Some(directory) = directory else { return KeptForLosses::All };
        let mut directories = BTreeSet::from([directory.to_owned()]);
        for backup in newest_first {
            directories.extend(backup.manifest.cluster.iter().map(|node| directory.with_file_name(node)));
        }
        let mut names = BTreeSet::new();
        for losses in directories.iter().filter_map(|directory| self.stores.get(directory)) {
            match losses {
                StoreLosses::Unknown => return KeptForLosses::All,
                StoreLosses::Known(losses) => {
                    names.extend(losses.iter().flat_map(|loss| loss.backups(newest_first)));
                }
            }
        }
        KeptForLosses::Names(names)
    }
}

impl StoreLosses {
    fn read(root: &BackupRoot, store: &str) -> Self {
        match StoreBaseline::read_all(root, store) {
            Ok(baselines) => Self::Known(baselines.into_iter().filter_map(OpenLoss::of).collect()),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::debug!(store, error, "every backup is kept, because a loss may be recorded");
                Self::Unknown
            }
        }
    }
}

impl OpenLoss {
    fn of(baseline: StoreBaseline) -> Option<Self> {
        let found = baseline.loss?.found;
        Some(Self {
            project: baseline.project,
            engine: baseline.engine,
            backup: baseline.backup,
            times: [baseline.time, found],
        })
    }

    /// The backup of the last complete state, and the newest ones before each of the times.
    fn backups<'a>(&'a self, newest_first: &'a [&Backup]) -> impl Iterator<Item = String> + 'a {
        let own = || newest_first.iter().filter(|backup| self.concerns(&backup.manifest));
        let named = own().filter(|backup| self.backup.as_deref() == Some(backup.name().as_str()));
        let last = self
            .times
            .into_iter()
            .filter_map(move |time| own().find(|backup| backup.manifest.created <= time));
        named.chain(last).map(|backup| backup.name())
    }

    fn concerns(&self, manifest: &Manifest) -> bool {
        self.project.as_ref().is_none_or(|project| *project == manifest.project)
            && self.engine.as_ref().is_none_or(|engine| engine.is_empty() || *engine == manifest.engine)
    }
}
