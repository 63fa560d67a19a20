//! Test restore: restores every database into a temporary server of the same image, and compares it with the manifest.

use super::{restore, server};
use crate::backup::driver::databases;
use crate::backup::driver::scratch::{ScratchSetup, ScratchVerdict, TestEnv, password_in, try_out};
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;

/// The variables in which images expect the password of the administrator.
const PASSWORDS: [&str; 2] = ["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"];

pub(super) async fn run(env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult> {
    databases::recorded(from)?;
    let setup = ScratchSetup::empty(from.manifest.kind, password_in(&PASSWORDS)?);
    let (backup, limit, clearance) = (from.clone(), env.ready_timeout, env.clearance.clone());
    try_out(
        env,
        from,
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                let target = scratch.target();
                let server = scratch.wait_until(limit, || server::ask(target)).await?;
                task.detail("restoring and comparing");
                let reasons = match restore::into_empty_server(target, &backup, &clearance).await {
                    Ok(()) => Vec::new(),
                    Err(error) => vec![scratch.blame(error).await?],
                };
                Ok(ScratchVerdict { server: Some(server.version), contents: None, reasons })
            })
        }),
    )
    .await
}
