//! `safe-compose verify`: is everything there that was there at the last stop? Or: is this backup whole?

use serde_json::json;

use super::context::{self, CommandContext, ProjectContext};
use super::test_restore::{self, Prover};
use super::{backups, baselines, format, import, verify_run};
use crate::backup::export::Contents;
use crate::backup::record::Note;
use crate::cli::{Format, VerifyArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::progress::Silent;
use crate::units::count;
use crate::verify::Verdict;

pub(super) async fn run(command: &CommandContext, args: &VerifyArgs) -> Result<Exit, Failure> {
    if let Some(name) = &args.backup {
        if let Some(read) = import::verify(command, name) {
            return portable(command, name, read, args.format);
        }
        return if args.prove {
            prove(command, name, args.format).await
        } else {
            on_disk(command, name, args.format)
        };
    }
    let cx = ProjectContext::gather(command).await?;
    if args.accept { accept(&cx).await } else { compare(&cx, args.format).await }
}

fn on_disk(command: &CommandContext, name: &str, format: Format) -> Result<Exit, Failure> {
    let project = command.project().map_err(|error| context::unreadable(command, error))?;
    let root = context::backup_root(&project, &context::settings(&project)?);
    let backup = backups::find(&root, name, &command.suggest.backups())?;
    let checked = backup.check();
    if format == Format::Json {
        let damage = checked.as_ref().err().map(ToString::to_string);
        command.ui.result(format::json(
            &json!({ "backup": backup.name(), "whole": damage.is_none(), "damage": damage, "proof": backup.proof() }),
        ));
    }
    match checked {
        Ok(_) => {
            command.ui.good(format!(
                "`{}` is whole: {}, {}.",
                backup.name(),
                format::contents(&backup.manifest.fingerprint),
                format::proof(backup.proof()),
            ));
            Ok(Exit::Success)
        }
        Err(damage) => {
            Err(Failure::new(Exit::DataMissing, format!("`{}` is damaged", backup.name())).because(damage))
        }
    }
}

/// Reads a backup to its end, and puts it into a scratch server.
async fn prove(command: &CommandContext, name: &str, format: Format) -> Result<Exit, Failure> {
    let project = command.project().map_err(|error| context::unreadable(command, error))?;
    let root = context::backup_root(&project, &context::settings(&project)?);
    let mut backup = backups::find(&root, name, &command.suggest.backups())?;
    let engine = context::connect(command).await.map_err(context::no_engine)?;
    let local = engine.identity().await.map_err(context::no_engine)?.local;
    let prover = Prover {
        ui: &command.ui,
        engine: engine.as_ref(),
        local,
        root: &root,
        ready_timeout: command.ready_timeout(),
    };
    let tried = super::interruptible(async {
        prover.prove_unchecked(&mut backup).await.map_err(|error| {
            Failure::new(Exit::DataMissing, format!("`{}` could not be tried out", backup.name()))
                .because(error)
                .say("That says nothing about the backup; it is marked as it was.")
        })
    })
    .await?;
    let verdict = test_restore::verdict(&tried);
    if format == Format::Json {
        let value = json!({
            "backup": backup.name(), "whole": verdict.is_none(), "damage": verdict.as_ref().map(ToString::to_string),
            "proof": backup.proof(), "reasons": tried.reasons,
        });
        command.ui.result(format::json(&value));
    }
    match verdict {
        None => {
            test_restore::tell(&command.ui, &backup, &tried);
            Ok(Exit::Success)
        }
        Some(reasons) => {
            Err(Failure::new(Exit::DataMissing, format!("`{}` cannot be put back", backup.name()))
                .because(reasons)
                .say("It is marked as failed. Nothing that runs was touched.")
                .run("To see the others", command.suggest.backups()))
        }
    }
}

/// A portable file: read to its end, every point looked at, every count compared.
fn portable(
    command: &CommandContext,
    name: &str,
    read: Result<Contents, Failure>,
    format: Format,
) -> Result<Exit, Failure> {
    if format == Format::Json {
        let damage = read.as_ref().err().map(ToString::to_string);
        command
            .ui
            .result(format::json(&json!({ "backup": name, "whole": damage.is_none(), "damage": damage })));
    }
    let contents = read.map_err(|failure| Failure { exit: Exit::DataMissing, ..failure })?;
    let points: u64 = contents.collections.iter().map(|found| found.points).sum();
    let digest = if contents.is_sealed { "its digest agrees" } else { "it has no digest to compare" };
    command.ui.good(format!(
        "`{name}` is whole: {}, {}; {digest}.",
        count(contents.collections.len() as u64, "collection"),
        count(points, "point"),
    ));
    Ok(Exit::Success)
}

async fn compare(cx: &ProjectContext<'_>, format: Format) -> Result<Exit, Failure> {
    let verdicts = verify_run::all(cx, None).await;
    if format == Format::Json {
        let value = match &verdicts {
            Ok(verdicts) => json!({ "well": true, "services": verdicts.iter().map(|(id, verdict)| {
                json!({ "service": id, "verdict": word(verdict) })
            }).collect::<Vec<_>>() }),
            Err(failure) => json!({ "well": false, "error": failure.to_string() }),
        };
        cx.ui().result(format::json(&value));
    }
    let verdicts = verdicts?;
    if !verdicts.is_empty() {
        return Ok(Exit::Success);
    }
    let stores: Vec<&str> = cx
        .inventory
        .stores
        .iter()
        .filter(|store| store.is_server())
        .map(|store| store.service.as_str())
        .collect();
    if let Some(service) = stores.first() {
        return Err(Failure::new(
            Exit::DataMissing,
            format!("`{service}` is not running, so it cannot be asked"),
        )
        .run("To start it", cx.suggest().up(service)));
    }
    cx.ui().say("No service of this project is a server that can be command.");
    Ok(Exit::Success)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Whole(_) => "whole",
        Verdict::Unrecorded(_) => "unrecorded",
        Verdict::Fresh { .. } => "fresh",
        Verdict::Lossy { .. } => "lossy",
        Verdict::Unverifiable(_) => "unverifiable",
    }
}

async fn accept(cx: &ProjectContext<'_>) -> Result<Exit, Failure> {
    let mut accepted = 0;
    for store in cx.inventory.stores.iter().filter(|store| store.is_server() && store.is_running()) {
        let fingerprint =
            store.kind.driver().fingerprint(cx.target(store, &Silent)).await.map_err(|error| {
                Failure::new(Exit::DataMissing, format!("`{}` cannot be asked", store.service)).because(error)
            })?;
        cx.ui().good(format!("`{}`: {} is the new record.", store.service, format::contents(&fingerprint)));
        baselines::write(cx, store, Note::Accepted, Some(fingerprint), None);
        accepted += 1;
    }
    if accepted == 0 {
        return Err(Failure::new(Exit::DataMissing, "no server runs that could be asked"));
    }
    Ok(Exit::Success)
}
