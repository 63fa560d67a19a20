//! What only some drivers can do.

use async_trait::async_trait;

use super::restore_plan::{RestoreOptions, RestorePlan, Restored};
use super::scratch::TestEnv;
use super::target::DriverTarget;
use crate::backup::export::{ExportContents, ExportSink};
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;
use crate::policy::Clearance;

/// The result of a portable export, besides its file.
#[derive(Debug, Default)]
pub struct Exported {
    /// What the user should know: `points were written during the export`.
    pub remarks: Vec<String>,
}

/// Restores backups into temporary servers.
#[async_trait]
pub trait TestRestore: Send + Sync {
    /// Restores a backup into a temporary server of the image that the backup was taken from, and compares. An error means
    /// that this was not possible; what is wrong with the backup is in the result.
    async fn run(&self, env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult>;
}

/// Exports the contents of a store into a file that other tools and other versions read, and imports it.
#[async_trait]
pub trait PortableFormat: Send + Sync {
    async fn export(&self, target: DriverTarget<'_>, sink: &ExportSink) -> anyhow::Result<Exported>;

    /// Plans an import; changes nothing.
    async fn plan_import(
        &self,
        target: DriverTarget<'_>,
        from: &ExportContents,
        options: &RestoreOptions,
    ) -> anyhow::Result<RestorePlan>;

    /// Imports a file as planned.
    async fn import(
        &self,
        target: DriverTarget<'_>,
        from: &ExportContents,
        plan: &RestorePlan,
        options: &RestoreOptions,
        proof: &Clearance,
    ) -> anyhow::Result<Restored>;
}
