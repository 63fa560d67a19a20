//! What a verdict says: a line, or a failure with what to do.

use super::examine::{Examined, Occasion, is_loss};
use crate::backup::baseline::StoreBaseline;
use crate::backup::fingerprint::Difference;
use crate::commands::context::ProjectContext;
use crate::commands::format;
use crate::error::Failure;
use crate::exit::Exit;
use crate::verify::{Observation, VerifyResult};

/// Reports a verdict. Missing data, and data that could not be verified, are failures.
pub(super) fn report(
    cx: &ProjectContext<'_>,
    examined: &mut Examined<'_>,
    occasion: Occasion<'_>,
) -> Option<Failure> {
    let unreadable = examined.unreadable.take();
    let examined = &*examined;
    let Examined { store, verdict, .. } = examined;
    let is_quiet = !occasion.mentions(store);
    match verdict {
        VerifyResult::Complete(_) | VerifyResult::NoBaseline(_) | VerifyResult::Reset { .. } => {
            if !is_quiet {
                sound(cx, examined, occasion);
            }
            None
        }
        VerifyResult::Unverifiable(_) if is_quiet => None,
        VerifyResult::Unverifiable(reason) => {
            Some(unreadable.unwrap_or_else(|| unverified(cx, examined, reason)))
        }
        VerifyResult::DataMissing { differences, .. } if !is_loss(store, differences) => {
            cx.ui().warn(format!(
                "`{}` may have lost data: {}. If this is expected: `{}`",
                store.service,
                differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                cx.suggest().accept()
            ));
            None
        }
        VerifyResult::DataMissing { now, differences } => Some(lost(cx, examined, now.as_ref(), differences)),
    }
}

fn sound(cx: &ProjectContext<'_>, examined: &Examined<'_>, occasion: Occasion<'_>) {
    let ui = cx.ui();
    let Examined { store, baseline, verdict, .. } = examined;
    let service = &store.service;
    match verdict {
        VerifyResult::Complete(now) if now.contents.is_some() => ui.good(format!(
            "`{service}`: all data present since the last stop{}: {}.",
            since(baseline.as_ref()),
            format::observation(now)
        )),
        VerifyResult::Complete(now) => {
            let seen = baseline.as_ref().and_then(|baseline| baseline.evidence.as_ref());
            let recorded = match seen {
                Some(seen) => format!("as recorded {}", format::ago(seen.time)),
                None => "as in its newest backup".to_owned(),
            };
            ui.good(format!("`{service}` has its data: {}, {recorded}.", format::observation(now)));
        }
        VerifyResult::NoBaseline(now) if now.contents.is_some() => ui.say(format!(
            "`{service}` has {}. It has no baseline yet, so its contents were not compared.",
            format::observation(now)
        )),
        VerifyResult::NoBaseline(now) if now.evidence.has_data => ui.say(format!(
            "`{service}` has data: {}. It had no baseline yet, so nothing was compared.",
            format::observation(now)
        )),
        VerifyResult::NoBaseline(_) if matches!(occasion, Occasion::Asked) => {
            ui.say(format!("`{service}` has no data yet."));
        }
        VerifyResult::Reset { now, backup } => {
            ui.say(format!(
                "`{service}` starts with {}. Its earlier data was destroyed on purpose{}.",
                format::observation(now),
                since(baseline.as_ref())
            ));
            if let Some(backup) = backup {
                ui.suggest("To restore it", cx.suggest().restore(backup));
            }
        }
        VerifyResult::NoBaseline(_) | VerifyResult::DataMissing { .. } | VerifyResult::Unverifiable(_) => {}
    }
}

fn since(baseline: Option<&StoreBaseline>) -> String {
    baseline.map_or_else(String::new, |baseline| format!(" ({})", format::ago(baseline.time)))
}

fn unverified(cx: &ProjectContext<'_>, examined: &Examined<'_>, reason: &str) -> Failure {
    let store = examined.store;
    let service = &store.service;
    let failure = Failure::new(Exit::Unverified, format!("`{service}` could not be verified"))
        .because(anyhow::anyhow!("{reason}"))
        .say("This says nothing about its data.");
    let failure = match &store.container {
        Some(container) if container.is_running() => {
            failure.run("To see its log", cx.suggest().logs(service))
        }
        Some(_) | None => failure.run("To start it", cx.suggest().up(service)),
    };
    failure.run("To verify again", cx.suggest().verify())
}

fn lost(
    cx: &ProjectContext<'_>,
    examined: &Examined<'_>,
    now: Option<&Observation>,
    differences: &[Difference],
) -> Failure {
    let Examined { store, baseline, .. } = examined;
    let service = &store.service;
    let mut failure = Failure::new(Exit::DataMissing, title(examined));
    for difference in differences {
        failure = failure.say(format!("- {difference}"));
    }
    if let Some(now) = now {
        failure = failure.say(format!("It now has {}.", format::observation(now)));
    }
    if let Some(loss) = baseline.as_ref().and_then(|baseline| baseline.loss.as_ref()) {
        failure = failure.say(format!(
            "First reported {}. Until it is restored or accepted, the baseline stays, and new backups are never `latest`.",
            format::ago(loss.found)
        ));
    }
    let latest = match cx.root.choose_latest(&store.id) {
        Ok(latest) => latest,
        Err(error) => return cx.with_repair(failure.because(error).say("Its backups cannot be listed.")),
    };
    failure = match latest.backup {
        Some(backup) => failure.run(
            format!(
                "To restore the newest backup ({}, {})",
                format::ago(backup.manifest.created),
                format::contents(&backup.manifest.fingerprint),
            ),
            cx.suggest().restore_latest(service),
        ),
        None if baseline.as_ref().is_some_and(|baseline| baseline.fingerprint.is_some())
            && store.is_server() =>
        {
            failure.say("It has no backup.").run(
                "To create the collections of its baseline without their points",
                cx.suggest().restore_schema(service),
            )
        }
        None => failure.say("It has no backup."),
    };
    failure.run("If this is expected, accept it as the new baseline", cx.suggest().accept())
}

/// What was lost, in one line.
fn title(examined: &Examined<'_>) -> String {
    let Examined { store, baseline, compared_with_backup, .. } = examined;
    let service = &store.service;
    let Some(known) = baseline.as_ref().filter(|_| !compared_with_backup) else {
        return if *compared_with_backup {
            format!("`{service}` has lost the data of its newest backup")
        } else {
            format!("`{service}` is damaged")
        };
    };
    match &known.evidence {
        _ if known.fingerprint.is_some() => {
            format!("`{service}` has lost data since its last stop{}", since(Some(known)))
        }
        Some(seen) => format!("`{service}` has lost the data that it had {}", format::ago(seen.time)),
        None => format!("`{service}` is damaged"),
    }
}
