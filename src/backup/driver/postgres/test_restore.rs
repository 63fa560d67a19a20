//! Test restore: restores every database into a temporary server of the same image, and compares it with the manifest.

use super::{restore, server};
use crate::backup::driver::databases;
use crate::backup::driver::scratch::{ScratchSetup, ScratchVerdict, TestEnv, password_in, try_out};
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;

/// What a server has to be started with, so that an extension can be restored. Its absence proves nothing about the backup.
const PRELOADED: &str = "shared_preload_libraries";

/// The variables in which images expect the password of the administrator.
const PASSWORDS: [&str; 2] = ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"];

pub(super) async fn run(env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult> {
    databases::recorded(from)?;
    let setup = ScratchSetup::empty(from.manifest.kind, password_in(&PASSWORDS)?);
    let (backup, limit) = (from.clone(), env.ready_timeout);
    try_out(
        env,
        from,
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                let target = scratch.target();
                let server = scratch.wait_until(limit, || server::ask(target)).await?;
                task.detail("restoring and comparing");
                let reasons = match restore::into_empty_server(target, &backup).await {
                    Ok(()) => Vec::new(),
                    Err(error) if format!("{error:#}").contains(PRELOADED) => {
                        return Err(error.context("the temporary server has only the settings of its image"));
                    }
                    Err(error) => vec![scratch.blame(error).await?],
                };
                Ok(ScratchVerdict { server: Some(server.version), contents: None, reasons })
            })
        }),
    )
    .await
}
