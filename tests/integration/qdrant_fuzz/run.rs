//! One seed: a server, its steps, and what every backup has to be.

use std::collections::VecDeque;

use safe_compose::backup::driver::{Driver as _, RestoreOptions};
use safe_compose::backup::manifest::ArtifactContents;
use safe_compose::backup::store::{Backup, BackupRoot};
use serde_json::Value;
use tempfile::TempDir;

use super::contents::Contents;
use super::steps::{self, NAME};
use crate::backup_fixture::root;
use crate::qdrant_stand::Stand;
use crate::random::Random;

/// Older backups are removed.
const KEPT: usize = 4;

/// How many backups of each sort were made and compared, and how often the server proved that none was needed.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) full: u64,
    pub(super) incremental: u64,
    pub(super) linked: u64,
    pub(super) unchanged: u64,
    restored: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.full += other.full;
        self.incremental += other.incremental;
        self.linked += other.linked;
        self.unchanged += other.unchanged;
        self.restored += other.restored;
    }
}

pub(super) struct Run {
    random: Random,
    stand: Stand,
    root: BackupRoot,
    _dir: TempDir,
    /// Each with what the collection contained then, the oldest first.
    backups: VecDeque<(Backup, Contents)>,
    log: Vec<String>,
    tally: Tally,
}

impl Run {
    pub(super) async fn new(seed: u64, stand: Stand) -> Self {
        let mut random = Random::new(seed);
        let log = vec![steps::create(&stand, &mut random).await];
        let (dir, root) = root();
        Self { random, stand, root, _dir: dir, backups: VecDeque::new(), log, tally: Tally::default() }
    }

    /// Takes random steps, and ends with a backup.
    pub(super) async fn steps(mut self, number: usize) -> Result<Tally, String> {
        for at in 1..=number {
            let done = if at == number { self.back_up().await } else { self.step().await };
            if let Err(failure) = done {
                return Err(format!("{failure}\nafter step {at} of:\n  {}", self.log.join("\n  ")));
            }
        }
        Ok(self.tally)
    }

    async fn step(&mut self) -> Result<(), String> {
        match self.random.below(26) {
            0..=8 => self.back_up().await,
            9 => {
                self.log.push("kill -9 and start".into());
                self.stand.kill_and_start().await;
                Ok(())
            }
            10 => {
                self.log.push("stop and start".into());
                self.stand.stop_and_start().await;
                Ok(())
            }
            11 => self.restore().await,
            12 => self.restore_as_somebody_else().await,
            _ => {
                let ids = Contents::of(&self.stand, NAME).await.ids();
                let step = steps::write(&self.stand, &mut self.random, &ids).await;
                self.log.push(step);
                Ok(())
            }
        }
    }

    /// Backs up. The backup must be equal to the collection, and so must the last one if the server calls it unchanged.
    async fn back_up(&mut self) -> Result<(), String> {
        let now = Contents::of(&self.stand, NAME).await;
        if let Some((backup, then)) = self.backups.back() {
            let unchanged = self.stand.driver().is_unchanged_since(self.stand.target(), backup).await;
            if unchanged.map_err(|error| format!("{error:#}"))? {
                self.tally.unchanged += 1;
                if let Some(difference) = then.differs_from(&now) {
                    return Err(format!("the backup is called unchanged: {difference}"));
                }
            }
        }
        let saved = self.stand.back_up(&self.root).await.map_err(|error| format!("backup: {error:#}"))?;
        let sort = self.sort(&saved.backup);
        self.log.push(format!("back up: {sort}"));
        let copied = self.contents_of(&saved.backup).await?;
        if let Some(difference) = copied.differs_from(&now) {
            return Err(format!("the backup ({sort}) differs: {difference}"));
        }
        self.backups.push_back((saved.backup, now));
        if self.backups.len() > KEPT
            && let Some((oldest, _)) = self.backups.pop_front()
        {
            std::fs::remove_dir_all(&oldest.directory).expect("removed");
        }
        Ok(())
    }

    fn sort(&mut self, backup: &Backup) -> &'static str {
        let digest = |backup: &Backup| {
            let mut files: Vec<String> = backup
                .manifest
                .artifacts
                .iter()
                .filter(|one| {
                    !matches!(one.contents, ArtifactContents::Note | ArtifactContents::SegmentVersions { .. })
                })
                .map(|one| one.sha256.clone())
                .collect();
            files.sort();
            files
        };
        let files = digest(backup);
        if self.backups.back().is_some_and(|(last, _)| digest(last) == files) {
            self.tally.linked += 1;
            "nothing has changed"
        } else if files.len() > 1 {
            self.tally.incremental += 1;
            "the changes"
        } else {
            self.tally.full += 1;
            "a full snapshot"
        }
    }

    /// What a backup contains, restored under another name.
    async fn contents_of(&mut self, backup: &Backup) -> Result<Contents, String> {
        const COPY: &str = "copy";
        let options = RestoreOptions {
            collections: vec![NAME.into()],
            rename: Some(COPY.into()),
            ..RestoreOptions::default()
        };
        let restored = self.stand.restore(backup, &options).await;
        restored.map_err(|error| format!("the backup cannot be restored: {error:#}"))?;
        let contents = Contents::of(&self.stand, COPY).await;
        self.stand.call("DELETE", &format!("/collections/{COPY}"), Value::Null).await;
        self.tally.restored += 1;
        Ok(contents)
    }

    async fn restore(&mut self) -> Result<(), String> {
        if self.backups.is_empty() {
            return Ok(());
        }
        let at = usize::try_from(self.random.below(self.backups.len() as u64)).expect("few");
        self.log.push(format!("restore backup {} of {}", at + 1, self.backups.len()));
        let (backup, then) = &self.backups[at];
        let restored = self.stand.restore(backup, &RestoreOptions::default()).await;
        restored.map_err(|error| format!("restore: {error:#}"))?;
        match Contents::of(&self.stand, NAME).await.differs_from(then) {
            Some(difference) => Err(format!("the restored collection differs: {difference}")),
            None => Ok(()),
        }
    }

    /// Uploads the first snapshot of a chain over the live collection, which brings back the counters of its time.
    async fn restore_as_somebody_else(&mut self) -> Result<(), String> {
        let Some((backup, _)) = self.backups.front() else { return Ok(()) };
        self.log.push("upload a snapshot over the collection".into());
        let path = backup.directory.join(format!("collections/{NAME}.snapshot"));
        self.stand.upload(NAME, &path).await;
        Ok(())
    }
}
