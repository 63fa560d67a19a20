//! `safe-compose verify`: check services against what was recorded of them, or check a backup.

mod all;

use serde_json::json;

use super::context::{self, CommandContext, ProjectContext};
use super::dry_run::{DryRun, PlannedChange};
use super::mode::{Apply, Mode};
use super::test_restore::{self, Prover};
use super::verify_run::{self, Occasion, Verification};
use super::{accept, backups, format, import_data, repository};
use crate::backup::export::ExportContents;
use crate::backup::store::{Backup, BackupRoot};
use crate::cli::{Format, VerifyArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::units::count;
use crate::verify::VerifyResult;

pub(super) async fn run(
    command: &CommandContext,
    args: &VerifyArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    if args.all {
        return all::run(command, mode, output).await;
    }
    if args.repository.is_meant {
        return repository::verify(command, args, mode, output).await;
    }
    if let Some(name) = &args.backup {
        return check(command, name, args.prove.then_some(mode), output).await;
    }
    let cx = ProjectContext::gather(command).await?;
    if args.accept { accept::run(&cx, mode, output).await } else { compare(&cx, mode, output).await }
}

/// Checks a backup or a portable file. With `prove`, a backup is test-restored too.
async fn check(
    command: &CommandContext,
    name: &str,
    prove: Option<Mode>,
    output: Format,
) -> Result<Exit, Failure> {
    if let Some(read) = import_data::verify(command, name).await {
        return portable(command, name, read, output);
    }
    let root = context::own_backups(command).await?.root;
    let backup = backups::find(&root, name, &command.suggest.backups())?;
    if backup.is_offloaded {
        return Err(offloaded(command, &backup));
    }
    match prove {
        None => on_disk(command, &backup, output).await,
        Some(Mode::DryRun) => {
            let subject = format!("`{}` into a temporary server, and record the result", backup.name());
            let plan = DryRun::new("verify", vec![PlannedChange::new("test-restore", subject)]);
            Ok(plan.show(&command.ui, output))
        }
        Some(Mode::Apply(apply)) => test(command, &root, backup, (apply, output)).await,
    }
}

/// There is nothing here to verify.
pub(super) fn offloaded(command: &CommandContext, backup: &Backup) -> Failure {
    Failure::new(Exit::Unverified, format!("the files of `{}` are only in the repository", backup.name()))
        .say("This says nothing about the backup.")
        .run("To verify it there", command.suggest.verify_in_repository(&backup.name()))
}

async fn on_disk(command: &CommandContext, backup: &Backup, output: Format) -> Result<Exit, Failure> {
    let checked = match backup.check() {
        Ok(_) => backup.manifest.kind.driver().check_contents(backup).await,
        Err(damage) => Err(damage.into()),
    };
    if output == Format::Json {
        let damage = checked.as_ref().err().map(ToString::to_string);
        command.ui.result(format::json(
            &json!({ "backup": backup.name(), "valid": damage.is_none(), "damage": damage, "proof": backup.proof(), "consistency": backup.manifest.consistency }),
        ));
    }
    match checked {
        Ok(()) => {
            command.ui.good(format!(
                "`{}` is valid: {}; proof: {}; consistency: {}.",
                backup.name(),
                format::contents(&backup.manifest.fingerprint),
                format::proof(backup.proof()),
                backup.manifest.consistency,
            ));
            if !backup.manifest.consistency.is_sound() {
                command.ui.warn(
                    "its files were copied while something may have written: they may not fit together.",
                );
            }
            Ok(Exit::Success)
        }
        Err(damage) => Err(Failure::new(Exit::DataMissing, format!("`{}` is damaged", backup.name()))
            .because(damage)
            .run("To list the other backups", command.suggest.backups())),
    }
}

/// Reads a backup back and restores it into a temporary server.
async fn test(
    command: &CommandContext,
    root: &BackupRoot,
    mut backup: Backup,
    (apply, output): (Apply, Format),
) -> Result<Exit, Failure> {
    let engine = context::connect(command).await.map_err(context::no_engine)?;
    let local = engine.identity().await.map_err(context::no_engine)?.local;
    let prover = Prover {
        ui: &command.ui,
        engine: engine.as_ref(),
        local,
        root,
        ready_timeout: command.ready_timeout(),
    };
    command.record.will(format!("test-restores {}", backup.name()));
    command.record.begin(apply);
    let tried = super::interruptible(async {
        prover.prove_unchecked(apply, &mut backup).await.map_err(|error| {
            Failure::new(Exit::Unverified, format!("`{}` could not be test-restored", backup.name()))
                .because(error)
                .say("This says nothing about the backup, and its proof was not changed.")
        })
    })
    .await?;
    let verdict = test_restore::verdict(&tried);
    if output == Format::Json {
        let value = json!({
            "backup": backup.name(), "valid": verdict.is_none(), "damage": verdict.as_ref().map(ToString::to_string),
            "proof": backup.proof(), "reasons": tried.reasons,
        });
        command.ui.result(format::json(&value));
    }
    match verdict {
        None => {
            test_restore::report(&command.ui, &backup, &tried);
            Ok(Exit::Success)
        }
        Some(reasons) => {
            Err(Failure::new(Exit::DataMissing, format!("`{}` cannot be restored", backup.name()))
                .because(reasons)
                .say("The backup was kept and marked as failed. Running services were not touched.")
                .run("To list the other backups", command.suggest.backups()))
        }
    }
}

/// A portable file: read to its end, every point parsed, every count compared.
fn portable(
    command: &CommandContext,
    name: &str,
    read: Result<ExportContents, Failure>,
    output: Format,
) -> Result<Exit, Failure> {
    if output == Format::Json {
        let damage = read.as_ref().err().map(ToString::to_string);
        command
            .ui
            .result(format::json(&json!({ "backup": name, "valid": damage.is_none(), "damage": damage })));
    }
    let contents = read.map_err(|failure| Failure { exit: Exit::DataMissing, ..failure })?;
    let points: u64 = contents.collections.iter().map(|found| found.points).sum();
    let checksum = if contents.has_digest { "the checksum matches" } else { "it has no checksum" };
    command.ui.good(format!(
        "`{name}` is valid: {}, {}; {checksum}.",
        count(contents.collections.len() as u64, "collection"),
        count(points, "point"),
    ));
    Ok(Exit::Success)
}

async fn compare(cx: &ProjectContext<'_>, mode: Mode, output: Format) -> Result<Exit, Failure> {
    let Verification { verdicts, failure } = verify_run::all(cx, mode, Occasion::Asked).await;
    if output == Format::Json {
        let services: Vec<_> = verdicts.iter().map(|(id, verdict)| verdict_json(id, verdict)).collect();
        cx.ui().result(format::json(&json!({
            "ok": failure.is_none(),
            "services": services,
            "error": failure.as_ref().map(ToString::to_string),
        })));
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    if verdicts.is_empty() {
        cx.ui().say(
            "nothing was checked: no service has data in a volume, or runs a program that is known to keep data.",
        );
        cx.ui().say("`verify BACKUP` checks a backup.");
    }
    Ok(Exit::Success)
}

fn verdict_json(id: &str, verdict: &VerifyResult) -> serde_json::Value {
    let (reason, missing) = match verdict {
        VerifyResult::Unverifiable(reason) => (Some(reason), Vec::new()),
        VerifyResult::DataMissing { differences, .. } => {
            (None, differences.iter().map(ToString::to_string).collect())
        }
        VerifyResult::Complete(_) | VerifyResult::NoBaseline(_) | VerifyResult::Reset { .. } => {
            (None, Vec::new())
        }
    };
    json!({ "service": id, "verdict": word(verdict), "reason": reason, "missing": missing })
}

fn word(verdict: &VerifyResult) -> &'static str {
    match verdict {
        VerifyResult::Complete(_) => "complete",
        VerifyResult::NoBaseline(_) => "no_baseline",
        VerifyResult::Reset { .. } => "destroyed_on_purpose",
        VerifyResult::DataMissing { .. } => "data_missing",
        VerifyResult::Unverifiable(_) => "unverifiable",
    }
}
