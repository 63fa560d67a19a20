//! `verify --all`: compares the services of every project with what was recorded of them.

use serde_json::json;

use super::verdict_json;
use crate::cli::Format;
use crate::commands::all_projects::{AllProjects, OpenedProject, worst};
use crate::commands::context::CommandContext;
use crate::commands::format;
use crate::commands::mode::Mode;
use crate::commands::verify_run::{self, Occasion, Verification};
use crate::error::Failure;
use crate::exit::Exit;

pub(super) async fn run(command: &CommandContext, mode: Mode, output: Format) -> Result<Exit, Failure> {
    let all = AllProjects::list(command, &command.ui).await?;
    let mut exit = Exit::Success;
    let mut results = Vec::new();
    for one in &all.open().await {
        let name = &one.known.name;
        if !one.cx.inventory.stores.is_empty() || one.unread.is_some() {
            command.ui.say(format!("project `{name}`:"));
        }
        let Verification { verdicts, failure } = compare(one, mode).await;
        let unread = one.unread.as_ref().map(|unread| {
            Failure::new(Exit::Unverified, format!("project `{name}` could not be verified"))
                .because(anyhow::anyhow!("{}", unread.reason().to_owned()))
                .say("This says nothing about its data.")
        });
        let failures: Vec<Failure> = [unread, failure].into_iter().flatten().collect();
        let services: Vec<_> = verdicts.iter().map(|(id, verdict)| verdict_json(id, verdict)).collect();
        results.push(json!({
            "project": name,
            "ok": failures.is_empty(),
            "services": services,
            "error": failures.last().map(ToString::to_string),
        }));
        for failure in failures {
            command.ui.failure(&failure);
            exit = worst(exit, failure.exit);
        }
    }
    if output == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-verify-all",
            "format_version": 1,
            "projects": results,
        })));
    }
    Ok(exit)
}

async fn compare(one: &OpenedProject<'_>, mode: Mode) -> Verification {
    let work = async { Ok(verify_run::all(&one.cx, mode, Occasion::Asked).await) };
    let compared = match mode {
        Mode::DryRun => work.await,
        Mode::Apply(apply) => {
            let exit = |found: &Verification| found.failure.as_ref().map_or(Exit::Success, |one| one.exit);
            one.recording(apply, work, exit).await
        }
    };
    compared.unwrap_or_else(|failure| Verification { verdicts: Vec::new(), failure: Some(failure) })
}
