//! Converts the copy of a service's files in temporary servers, and backs up what comes out.

use jiff::Timestamp;

use super::conversion::Conversion;
use super::plan::UpgradePlan;
use super::servers;
use crate::backup::driver::postgres::upgrade::{self as postgres, BuildInput};
use crate::backup::driver::qdrant::upgrade::{self as qdrant, StepInput};
use crate::backup::driver::scratch::TestEnv;
use crate::backup::driver::upgrade::{Converted, UpgradeServer};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::BackupRole;
use crate::backup::store::{Backup, Staging};
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::commands::new_backup::{self, NewBackup};
use crate::commands::{format, test_restore};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{SqlServer, Store, StoreKind};
use crate::policy::{Approval, BackupStatus};
use crate::units::Bytes;

/// The reasons in the manifests.
const DUMPED: &str = "upgrade: dump of the former version";
const CONVERTED: &str = "upgrade: files of the new version";

/// What was made.
pub(super) struct NewFiles {
    /// The files that replace those of the service.
    pub(super) files: Backup,
    /// The dump that they were made from.
    pub(super) dump: Option<Backup>,
}

/// Converts a copy; `None` where the server does that itself.
pub(super) async fn convert(
    cx: &ProjectContext<'_>,
    apply: Apply,
    plan: &UpgradePlan,
    copy: &Backup,
) -> Result<Option<NewFiles>, Failure> {
    let meter = cx.ui().meter();
    let owner = format!("{}-{}", test_restore::owner(&cx.root), plan.store.id);
    // Only what is created for this is written to.
    let nothing = Approval::to_affect_nothing(&cx.identity().unique_description(), &cx.project.name);
    let clearance = nothing.clear(BackupStatus::Nothing);
    let env = TestEnv {
        engine: cx.engine.as_ref(),
        local: cx.identity().local,
        progress: &meter,
        owner: &owner,
        ready_timeout: cx.command.ready_timeout(),
        clearance: &clearance,
        last_dump: None,
    };
    match &plan.conversion {
        Conversion::Dump => dump_and_restore(cx, apply, plan, (copy, env)).await.map(Some),
        Conversion::Steps(images) => step_by_step(cx, apply, plan, (copy, images, env)).await.map(Some),
        Conversion::ByServer => Ok(None),
    }
}

async fn dump_and_restore(
    cx: &ProjectContext<'_>,
    apply: Apply,
    plan: &UpgradePlan,
    (copy, env): (&Backup, TestEnv<'_>),
) -> Result<NewFiles, Failure> {
    let name = &plan.store.service;
    let (former, new) = servers_of(cx, plan).await?;
    let created = Timestamp::now();
    let dumped = postgres::dump_copy(env, copy, &former, stage(cx, plan)?).await;
    let (dumped, libraries) = dumped.map_err(|error| {
        failed(format!("the databases of `{name}` could not be dumped with `{}`", plan.former_image), error)
    })?;
    let kind = StoreKind::Sql(SqlServer::PostgreSql);
    let dump = finish(cx, apply, (plan, &plan.former_image, kind), (DUMPED, created), dumped).await?;
    let input = BuildInput { copy, former_data: &former.data, dump: &dump, libraries: &libraries };
    let created = Timestamp::now();
    let built = postgres::build(env, input, &new, stage(cx, plan)?).await;
    let (built, remarks) = built.map_err(|error| {
        failed(format!("the dump of `{name}` could not be restored into `{}`", plan.image), error)
    })?;
    for remark in remarks {
        cx.ui().say(format!("{name}: {remark}."));
    }
    let files =
        finish(cx, apply, (plan, &plan.image, StoreKind::Volume), (CONVERTED, created), built).await?;
    Ok(NewFiles { files, dump: Some(dump) })
}

async fn step_by_step(
    cx: &ProjectContext<'_>,
    apply: Apply,
    plan: &UpgradePlan,
    (copy, images, env): (&Backup, &[String], TestEnv<'_>),
) -> Result<NewFiles, Failure> {
    let name = &plan.store.service;
    let (former, new) = servers_of(cx, plan).await?;
    let expected = qdrant::contents(env, copy, &former).await.map_err(|error| {
        failed(format!("`{}` cannot read the copy of `{name}`", plan.former_image), error)
    })?;
    let created = Timestamp::now();
    let mut input = StepInput::Copy(stage(cx, plan)?);
    for image in images {
        let server = UpgradeServer { image: image.clone(), ..new.clone() };
        let converted = qdrant::convert(env, copy, input, &server, &expected).await;
        let converted = converted
            .map_err(|error| failed(format!("`{image}` could not convert the copy of `{name}`"), error))?;
        let contents = Fingerprint::Qdrant(expected.clone());
        cx.ui().good(format!("converted with `{image}`: {}, compared.", format::contents(&contents)));
        input = StepInput::Earlier(Box::new(converted));
    }
    match input {
        StepInput::Earlier(converted) => {
            let what = (plan, plan.image.as_str(), StoreKind::Volume);
            let files = finish(cx, apply, what, (CONVERTED, created), *converted).await?;
            Ok(NewFiles { files, dump: None })
        }
        StepInput::Copy(_) => Err(Failure::new(Exit::Internal, "there is no version to convert to")),
    }
}

/// The former server and the new one.
async fn servers_of(
    cx: &ProjectContext<'_>,
    plan: &UpgradePlan,
) -> Result<(UpgradeServer, UpgradeServer), Failure> {
    let (former_data, new_data) = match &plan.directories {
        Some((former, new)) => (former.clone(), new.clone()),
        None => (plan.place.target.clone(), plan.place.target.clone()),
    };
    let command = plan.store.container.as_ref().map_or(&plan.service.command, |one| &one.command);
    let former = UpgradeServer {
        image: plan.former_image.clone(),
        environment: servers::former(cx, &plan.store, &plan.service).await?,
        command: command.clone(),
        mount: plan.place.target.clone(),
        data: former_data,
    };
    let new = UpgradeServer {
        image: plan.image.clone(),
        environment: servers::declared(cx, &plan.store, &plan.service).await?,
        command: plan.service.command.clone(),
        mount: plan.place.target.clone(),
        data: new_data,
    };
    Ok((former, new))
}

fn stage(cx: &ProjectContext<'_>, plan: &UpgradePlan) -> Result<Staging, Failure> {
    let staged = cx.root.stage(&plan.store.id, Timestamp::now());
    let mut staging = staged.map_err(|error| {
        let failure = failed("a backup could not be begun".to_owned(), error.into());
        cx.with_repair(failure)
    })?;
    staging.compress(cx.settings.backup.compression);
    Ok(staging)
}

/// Makes a backup of what a temporary server has made.
async fn finish(
    cx: &ProjectContext<'_>,
    _: Apply,
    (plan, image, kind): (&UpgradePlan, &str, StoreKind),
    (reason, created): (&str, Timestamp),
    mut converted: Converted,
) -> Result<Backup, Failure> {
    let container = plan.store.container.as_ref().map(|one| one.name.clone()).unwrap_or_default();
    converted.place(&plan.place);
    for remark in &converted.dump.remarks {
        cx.ui().warn(format!("{}: {remark}", plan.store.service));
    }
    let image_id = cx.engine.image(image).await.ok().flatten().map(|image| image.id).unwrap_or_default();
    let new = NewBackup {
        store: &Store { kind, ..plan.store.clone() },
        container,
        image: image.to_owned(),
        image_id,
        reason,
        role: BackupRole::Normal,
        created,
        dump: converted.dump,
        evidence: converted.evidence,
        nodes: Vec::new(),
        shrinkage: None,
    };
    let finished = converted.staging.finish_showing(new_backup::manifest(cx, new), &cx.ui().meter());
    let backup = finished.map_err(|error| failed("the new backup is not sound".to_owned(), error.into()))?;
    let backup = backup.backup().clone();
    cx.command.record.backup(&backup.name());
    cx.ui().good(format!(
        "{} `{}`: {} ({}, verified) to {}",
        if kind == StoreKind::Volume { "made the new files of" } else { "dumped" },
        plan.store.service,
        format::brief_contents(&backup.manifest.fingerprint),
        Bytes(backup.bytes()),
        format::short_path(&backup.directory),
    ));
    Ok(backup)
}

fn failed(what: String, error: anyhow::Error) -> Failure {
    Failure::new(Exit::BackupFailed, what).because(error)
}
