//! Trying backups out, and writing down what that has shown.

use std::time::Duration;

use anyhow::Context as _;

use super::context::ProjectContext;
use super::format;
use crate::backup::driver::scratch::TestEnv;
use crate::backup::store::{Backup, BackupRoot, Verified};
use crate::backup::test_restore::TestRestoreResult;
use crate::engine::Engine;
use crate::fs::Digest;
use crate::ui::Ui;

/// Where backups are tried out, and by whom.
pub(super) struct Prover<'a> {
    pub(super) ui: &'a Ui,
    pub(super) engine: &'a dyn Engine,
    /// The engine's network is that of this machine.
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

    /// Tries a backup out that was read to its end just now, and writes the result down beside it.
    pub(super) async fn prove(&self, backup: &mut Verified) -> anyhow::Result<TestRestoreResult> {
        let trial = self.trial(backup.backup()).await?;
        backup.record_test_restore(&trial).context("the result could not be written down")?;
        Ok(trial)
    }

    /// Reads a backup to its end first. What is damaged is not given to a server any more.
    pub(super) async fn prove_unchecked(&self, backup: &mut Backup) -> anyhow::Result<TestRestoreResult> {
        let trial = match backup.check_showing(&self.ui.meter()) {
            Ok(_) => self.trial(backup).await?,
            Err(damage) => TestRestoreResult {
                image: backup.manifest.image.clone(),
                server: None,
                reasons: vec![damage.to_string()],
            },
        };
        backup.record_test_restore(&trial).context("the result could not be written down")?;
        Ok(trial)
    }

    async fn trial(&self, backup: &Backup) -> anyhow::Result<TestRestoreResult> {
        // One at a time, so that whatever else bears our name is left over. Nothing is pruned meanwhile either.
        let _lock = self.root.lock()?;
        let meter = self.ui.meter();
        let owner = owner(self.root);
        let ground = TestEnv {
            engine: self.engine,
            local: self.local,
            progress: &meter,
            owner: &owner,
            ready_timeout: self.ready_timeout,
        };
        match backup.manifest.kind.driver().test_restore() {
            Some(driver) => driver.run(ground, backup).await,
            None => anyhow::bail!(
                "`{}` contains plain files: there is no server to restore it into",
                backup.name()
            ),
        }
    }
}

/// The backups of one directory of one machine: an engine may serve several.
fn owner(root: &BackupRoot) -> String {
    let machine = ["/etc/machine-id", "/proc/sys/kernel/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    let directory = root.directory();
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let digest = Digest::of(format!("{}\n{}", machine.trim(), directory.display()).as_bytes()).to_string();
    digest[..12].to_owned()
}

/// What is wrong with a backup that was tried; `None` when it came out equal.
pub(super) fn verdict(trial: &TestRestoreResult) -> Option<anyhow::Error> {
    (!trial.reasons.is_empty()).then(|| anyhow::anyhow!(trial.reasons.join("; ")))
}

pub(super) fn tell(ui: &Ui, backup: &Backup, trial: &TestRestoreResult) {
    ui.good(format!(
        "`{}` was put into a scratch {} {} and came out equal: {}.",
        backup.name(),
        trial.image,
        trial.server.as_deref().unwrap_or_default(),
        format::contents(&backup.manifest.fingerprint),
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
    fn every_reason_is_told() {
        let trial = |reasons: &[&str]| TestRestoreResult {
            image: "i".into(),
            server: None,
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        };
        assert!(verdict(&trial(&[])).is_none());
        assert_eq!(verdict(&trial(&["a", "b"])).expect("two").to_string(), "a; b");
    }
}
