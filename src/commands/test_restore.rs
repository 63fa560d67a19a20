//! Test-restores backups and records the results.

use std::time::Duration;

use anyhow::Context as _;

use super::context::ProjectContext;
use super::format;
use super::mode::Apply;
use crate::backup::driver::scratch::TestEnv;
use crate::backup::store::{Backup, BackupRoot, Verified};
use crate::backup::test_restore::TestRestoreResult;
use crate::engine::Engine;
use crate::fs::Digest;
use crate::inventory::{Store, StoreKind};
use crate::policy::{Approval, BackupStatus};
use crate::ui::Ui;

/// Where backups are test-restored.
pub(super) struct Prover<'a> {
    pub(super) ui: &'a Ui,
    pub(super) engine: &'a dyn Engine,
    /// The engine's network is this machine's.
    pub(super) local: bool,
    pub(super) root: &'a BackupRoot,
    pub(super) ready_timeout: Duration,
}

impl<'a> Prover<'a> {
    pub(super) fn of(cx: &'a ProjectContext<'_>) -> Self {
        Self {
            ui: cx.ui(),
            engine: cx.engine.as_ref(),
            local: cx.identity().local,
            root: &cx.root,
            ready_timeout: cx.command.ready_timeout(),
        }
    }

    /// Test-restores a backup that was just read back, and records the result beside it.
    pub(super) async fn prove(&self, _: Apply, backup: &mut Verified) -> anyhow::Result<TestRestoreResult> {
        let trial = self.trial(backup.backup()).await?;
        backup.record_test_restore(&trial).context("the result could not be recorded")?;
        Ok(trial)
    }

    /// Reads the backup back first. A damaged one is not sent to a server.
    pub(super) async fn prove_unchecked(
        &self,
        _: Apply,
        backup: &mut Backup,
    ) -> anyhow::Result<TestRestoreResult> {
        let trial = match backup.check_showing(&self.ui.meter()) {
            Ok(_) => self.trial(backup).await?,
            Err(damage) => TestRestoreResult {
                image: backup.manifest.image.clone(),
                server: None,
                contents: None,
                reasons: vec![damage.to_string()],
            },
        };
        backup.record_test_restore(&trial).context("the result could not be recorded")?;
        Ok(trial)
    }

    async fn trial(&self, backup: &Backup) -> anyhow::Result<TestRestoreResult> {
        // One at a time, so that any other temporary server with our name is a leftover. Nothing is pruned meanwhile either.
        let _lock = self.root.lock()?;
        let meter = self.ui.meter();
        let owner = owner(self.root);
        let manifest = &backup.manifest;
        let approval = Approval::to_affect_nothing(&manifest.engine, &manifest.project);
        let clearance = approval.clear(BackupStatus::Nothing);
        let last_dump = self.last_dump_before(backup);
        let ground = TestEnv {
            engine: self.engine,
            local: self.local,
            progress: &meter,
            owner: &owner,
            ready_timeout: self.ready_timeout,
            clearance: &clearance,
            last_dump: last_dump.as_ref(),
        };
        match manifest.kind.driver().test_restore(&manifest.image) {
            Some(driver) => driver.run(ground, backup).await,
            None => anyhow::bail!(
                "`{}` contains files, and `{}` is no server that can be started on a copy of them",
                backup.name(),
                manifest.image
            ),
        }
    }
}

impl Prover<'_> {
    /// The last dump of a database server that was made before a copy of its files. What cannot be listed is none: there is
    /// nothing to compare with.
    fn last_dump_before(&self, backup: &Backup) -> Option<Backup> {
        let store = backup.directory.parent()?.file_name()?.to_str()?;
        let manifest = &backup.manifest;
        let is_before = |one: &Backup| {
            matches!(one.manifest.kind, StoreKind::Sql(_))
                && one.manifest.sequence < manifest.sequence
                && (&one.manifest.project, &one.manifest.engine) == (&manifest.project, &manifest.engine)
        };
        if manifest.kind != StoreKind::Volume {
            return None;
        }
        self.root.list(Some(store)).ok()?.backups.into_iter().find(is_before)
    }
}

/// Whether a backup of a store can be test-restored.
pub(super) fn is_possible(store: &Store) -> bool {
    let image = store.image.as_deref().unwrap_or_default();
    store.kind.driver().test_restore(image).is_some()
}

/// Identifies the backups of one directory on one machine: an engine may serve several.
pub(super) fn owner(root: &BackupRoot) -> String {
    let machine = ["/etc/machine-id", "/proc/sys/kernel/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    let directory = root.directory();
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let digest = Digest::of(format!("{}\n{}", machine.trim(), directory.display()).as_bytes()).to_string();
    digest[..12].to_owned()
}

/// Why a test restore failed; `None` when it succeeded.
pub(super) fn verdict(trial: &TestRestoreResult) -> Option<anyhow::Error> {
    (!trial.reasons.is_empty()).then(|| anyhow::anyhow!(trial.reasons.join("; ")))
}

pub(super) fn report(ui: &Ui, backup: &Backup, trial: &TestRestoreResult) {
    let server = trial.server.as_deref().map_or_else(String::new, |version| format!(" {version}"));
    let contents = trial.contents.clone().unwrap_or_else(|| format::contents(&backup.manifest.fingerprint));
    ui.good(format!(
        "test restore of `{}` into {}{server} succeeded: {contents}.",
        backup.name(),
        trial.image,
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_directory_has_an_owner_of_its_own() {
        let of = |path: &str| owner(&BackupRoot::at(path));
        assert_eq!(of("/nonexistent/a"), of("/nonexistent/a"));
        assert_ne!(of("/nonexistent/a"), of("/nonexistent/b"));
        assert_eq!(of("/nonexistent/a").len(), 12);
    }

    #[test]
    fn every_reason_is_reported() {
        let trial = |reasons: &[&str]| TestRestoreResult {
            image: "i".into(),
            server: None,
            contents: None,
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        };
        assert!(verdict(&trial(&[])).is_none());
        assert_eq!(verdict(&trial(&["a", "b"])).expect("two").to_string(), "a; b");
    }
}
