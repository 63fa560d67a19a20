//! One step of an upgrade: a temporary server opens a copy of the files and converts them. Nobody else writes to it, so what it
//! has at its end is compared with what it had before.

use anyhow::ensure;

use super::server::client::Client;
use super::server::ready;
use super::state::{compare, fingerprint};
use crate::backup::driver::DriverTarget;
use crate::backup::driver::scratch::{ScratchFiles, ScratchSetup, TestEnv};
use crate::backup::driver::upgrade::{self, Converted, UpgradeServer, with_server};
use crate::backup::driver::volume::test_restore::directories_of;
use crate::backup::fingerprint::QdrantFingerprint;
use crate::backup::store::{Backup, Staging};
use crate::inventory::StoreKind;
use crate::secret::Secret;

/// What it has before the upgrade: the former version reads it from a copy of its files.
pub async fn contents(
    env: TestEnv<'_>,
    copy: &Backup,
    former: &UpgradeServer,
) -> anyhow::Result<QdrantFingerprint> {
    let limit = env.ready_timeout;
    let setup = setup(former, directories_of(copy)?);
    with_server(
        env,
        &format!("reading the copy of `{}`", copy.manifest.service),
        (copy, &former.image),
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                task.detail("starting the former version on the copy");
                ready::wait(scratch.target(), limit).await?;
                task.detail("reading everything");
                read(scratch.target()).await
            })
        }),
    )
    .await
}

/// Where the files are that a step begins with.
pub enum StepInput {
    /// In the copy. The result goes to this backup.
    Copy(Staging),
    /// In the backup that the step before has written. The result replaces them there.
    Earlier(Box<Converted>),
}

/// Converts the files of a copy, or those of the step before.
pub async fn convert(
    env: TestEnv<'_>,
    copy: &Backup,
    input: StepInput,
    server: &UpgradeServer,
    expected: &QdrantFingerprint,
) -> anyhow::Result<Converted> {
    let limit = env.ready_timeout;
    let (files, outdated, into) = match input {
        StepInput::Copy(into) => (directories_of(copy)?, Vec::new(), into),
        StepInput::Earlier(earlier) => {
            let Converted { staging, dump, .. } = *earlier;
            let paths: Vec<String> = dump.artifacts.into_iter().map(|artifact| artifact.path).collect();
            let files = paths.iter().map(|path| ScratchFiles {
                archive: staging.directory().join(path),
                target: server.mount.clone(),
            });
            (files.collect(), paths, staging)
        }
    };
    let (expected, of_step, container) = (expected.clone(), server.clone(), copy.manifest.container.clone());
    with_server(
        env,
        &format!("converting `{}` with `{}`", copy.manifest.service, server.image),
        (copy, &server.image),
        setup(server, files),
        Box::new(move |scratch, task| {
            Box::pin(async move {
                task.detail("starting it");
                ready::wait(scratch.target(), limit).await?;
                task.detail("comparing");
                let now = read(scratch.target()).await?;
                let missing = compare::compare(&expected, &now);
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                ensure!(
                    missing.is_empty(),
                    "with `{}`, something is missing: {}",
                    of_step.image,
                    missing.join("; ")
                );
                scratch.stop().await?;
                task.detail("copying the files");
                let mut into = into;
                for path in &outdated {
                    into.discard(path)?;
                }
                let mut made = upgrade::copy_files(scratch, &of_step.mount, into).await?;
                made.rename(scratch.name(), &container);
                Ok(made)
            })
        }),
    )
    .await
}

async fn read(target: DriverTarget<'_>) -> anyhow::Result<QdrantFingerprint> {
    let client = Client::connect(target).await?;
    Ok(fingerprint::take(&client, target).await?.fingerprint)
}

/// Started as its service starts it, but without telemetry. With this command it ends when it has written everything.
fn setup(server: &UpgradeServer, files: Vec<ScratchFiles>) -> ScratchSetup {
    let mut environment = server.environment.clone();
    environment.insert("QDRANT__TELEMETRY_DISABLED".to_owned(), Secret::new("true"));
    environment.insert("QDRANT__CLUSTER__ENABLED".to_owned(), Secret::new("false"));
    let command = if server.command == ["./qdrant"] { server.command.clone() } else { Vec::new() };
    ScratchSetup { command, files, ..ScratchSetup::empty(StoreKind::Qdrant, environment) }
}
