//! One archive of a backup, and the directory that it is restored into.

use std::path::PathBuf;

use anyhow::ensure;

use super::tar_summary::TarSummary;
use crate::backup::driver::{Action, RestorePlan};
use crate::backup::manifest::Artifact;
use crate::inventory::DataLocation;

/// One archive, and the directory to restore it into.
pub(super) struct PlannedArchive<'a> {
    pub artifact: &'a Artifact,
    pub file: PathBuf,
    pub place: &'a DataLocation,
}

impl PlannedArchive<'_> {
    /// Whether it is an archive of the place.
    pub(super) fn ensure_usable(&self, backup: &TarSummary) -> anyhow::Result<()> {
        let path = self.place.target.display();
        let expected = self.place.target.file_name();
        ensure!(
            backup.top.as_deref() == expected && expected.is_some(),
            "`{}` is not an archive of `{path}`",
            self.file.display()
        );
        ensure!(
            !backup.has_staging,
            "`{}` contains the files of an interrupted restore",
            self.file.display()
        );
        ensure!(
            !backup.is_file,
            "`{path}` is a single file of the host, which the engine cannot replace; extract it from `{}` manually",
            self.file.display()
        );
        Ok(())
    }

    /// What was planned for an empty place replaces nothing.
    pub(super) fn ensure_still_empty(&self, now: &TarSummary) -> anyhow::Result<()> {
        let path = self.place.target.display();
        ensure!(now.is_empty(), "`{path}` was empty when the restore was planned, and no longer is");
        Ok(())
    }
}

/// What the plan says of an archive.
pub(super) fn planned(plan: &RestorePlan, archive: &PlannedArchive<'_>) -> Action {
    let name = archive.place.target.display().to_string();
    plan.steps.iter().find(|step| step.to == name).map_or(Action::Keep, |step| step.action)
}
