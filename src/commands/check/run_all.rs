//! The checks of one project.

use std::time::Duration;

use jiff::Timestamp;

use super::{CheckOutcome, CheckResult};
use crate::cli::CheckArgs;
use crate::commands::context::ProjectContext;
use crate::commands::status::overview::Overview;
use crate::commands::{agreement, status, verify_run};
use crate::env;
use crate::lint::{self, LintSeverity, LintTarget};
use crate::preflight::{self, CheckSeverity, Start};
use crate::units::{Age, count};
use crate::verify::VerifyResult;

const SECONDS_PER_DAY: u64 = 24 * 3600;

pub(super) async fn checks(cx: &ProjectContext<'_>, args: &CheckArgs) -> Vec<CheckResult> {
    let overview = status::overview(cx).await;
    let mut results: Vec<CheckResult> = file(cx).into_iter().collect();
    results.push(directories(cx).await);
    results.push(data(cx, &overview).await);
    results.push(backups(cx, &overview, args.max_age));
    results.push(protection(cx, &overview));
    results.extend(trust(cx));
    results
}

/// Settings that are inactive, where there are any: an alarm that is not sent is not missed.
fn trust(cx: &ProjectContext<'_>) -> Option<CheckResult> {
    let warning = agreement::warning(&agreement::check(cx.command, &cx.project))?;
    Some(CheckResult {
        check: "trust",
        outcome: CheckOutcome::Problem,
        details: vec![warning.trim_end_matches('.').to_owned()],
        next: Some((agreement::ADVICE, cx.suggest().trust())),
    })
}

/// What `lint` finds. `None` where the project has no file.
fn file(cx: &ProjectContext<'_>) -> Option<CheckResult> {
    let files = &cx.project.files;
    if files.is_empty() {
        return None;
    }
    let target = LintTarget {
        files: files.clone(),
        directory: cx.project.directory.clone(),
        env_files: vec![cx.project.directory.join(".env")],
        stdin: cx.command.stdin.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        complete: true,
    };
    let mut found = lint::check(&target, &env::variable).findings();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let outcome = match found.first().map(|finding| finding.severity) {
        None => CheckOutcome::Ok,
        Some(LintSeverity::Info | LintSeverity::Warning) => CheckOutcome::Note,
        Some(LintSeverity::Error) => CheckOutcome::Problem,
    };
    let details = found
        .iter()
        .map(|finding| {
            let line = finding.location.line;
            let name = finding.location.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("{name}:{line}: {}", finding.message)
        })
        .collect();
    let next = (outcome != CheckOutcome::Ok)
        .then(|| ("For the findings in their context", cx.suggest().command("lint")));
    Some(CheckResult { check: "file", outcome, details, next })
}

/// What is checked before a start.
async fn directories(cx: &ProjectContext<'_>) -> CheckResult {
    let start = if cx.project.model.is_some() { Start::AsDeclared } else { Start::AsCreated };
    let input = preflight::Input {
        services: None,
        model: cx.project.model.as_ref(),
        inventory: &cx.inventory,
        engine: cx.engine.as_ref(),
        start,
    };
    let found = preflight::examine(input).await;
    let worst = found.iter().map(|finding| match finding.severity {
        CheckSeverity::Stop => CheckOutcome::Problem,
        CheckSeverity::Warn | CheckSeverity::Repair | CheckSeverity::Note => CheckOutcome::Note,
    });
    let outcome = worst.fold(CheckOutcome::Ok, |worst, one| match (worst, one) {
        (CheckOutcome::Problem, _) | (_, CheckOutcome::Problem) => CheckOutcome::Problem,
        (_, one) => one,
    });
    let details = found.iter().map(|finding| format!("`{}`: {}", finding.service, finding.what)).collect();
    CheckResult { check: "directories", outcome, details, next: None }
}

/// What `verify` finds, and losses that were reported before.
async fn data(cx: &ProjectContext<'_>, overview: &Overview) -> CheckResult {
    let (mut lost, mut unknown) = (Vec::new(), Vec::new());
    for (id, verdict) in verify_run::verdicts(cx).await {
        match verdict {
            VerifyResult::DataMissing { differences, .. } => {
                let missing: Vec<String> = differences.iter().map(ToString::to_string).collect();
                lost.push(format!("`{id}` has lost data: {}", missing.join("; ")));
            }
            VerifyResult::Unverifiable(reason) => {
                unknown.push(format!("`{id}` could not be verified: {reason}"));
            }
            VerifyResult::Complete(_) | VerifyResult::NoBaseline(_) | VerifyResult::Reset { .. } => {}
        }
    }
    for (id, loss) in &overview.losses {
        if !lost.iter().any(|known| known.starts_with(&format!("`{id}` "))) {
            lost.push(format!("`{id}` has lost data: {}", loss.missing.join("; ")));
        }
    }
    let (outcome, next) = match (lost.is_empty(), unknown.is_empty()) {
        (false, _) => (CheckOutcome::Loss, Some(("For what can be done about it", cx.suggest().verify()))),
        (true, false) => (CheckOutcome::Unknown, None),
        (true, true) => (CheckOutcome::Ok, None),
    };
    lost.extend(unknown);
    CheckResult { check: "data", outcome, details: lost, next }
}

fn backups(cx: &ProjectContext<'_>, overview: &Overview, max_age: u32) -> CheckResult {
    let limit = Duration::from_secs(u64::from(max_age) * SECONDS_PER_DAY);
    let now = Timestamp::now();
    let (mut details, mut unknown) = (Vec::new(), Vec::new());
    for data in overview.data.iter().filter(|data| data.needs_backup) {
        match data.backed_up {
            None if data.backups_unreadable => {
                unknown.push(format!(
                    "the backups of `{}`, which has {}, cannot be read",
                    data.service, data.place
                ));
            }
            None => details.push(format!("{} of `{}` has no backup", data.place, data.service)),
            Some(created) => {
                let seconds = u64::try_from(now.as_second() - created.as_second()).unwrap_or(0);
                let age = Duration::from_secs(seconds);
                if age > limit {
                    details.push(format!(
                        "the newest backup of {} of `{}` is {} old",
                        data.place,
                        data.service,
                        Age(age)
                    ));
                }
            }
        }
    }
    let (outcome, next) = match (details.is_empty(), unknown.is_empty()) {
        (false, _) => (CheckOutcome::Problem, Some(("To make one", cx.suggest().backup()))),
        (true, false) => (CheckOutcome::Unknown, Some(("To see why", cx.suggest().backups()))),
        (true, true) => (CheckOutcome::Ok, None),
    };
    details.extend(unknown);
    CheckResult { check: "backups", outcome, details, next }
}

fn protection(cx: &ProjectContext<'_>, overview: &Overview) -> CheckResult {
    let (volumes, held) = overview.protection();
    if volumes == held {
        return CheckResult {
            check: "protection",
            outcome: CheckOutcome::Ok,
            details: Vec::new(),
            next: None,
        };
    }
    let missing = (volumes - held) as u64;
    CheckResult {
        check: "protection",
        outcome: CheckOutcome::Note,
        details: vec![format!("{} not protected from deletion by other tools", count_are(missing))],
        next: Some(("To protect them", cx.suggest().command("protect"))),
    }
}

/// `1 volume is`, `2 volumes are`.
fn count_are(volumes: u64) -> String {
    format!("{} {}", count(volumes, "volume"), if volumes == 1 { "is" } else { "are" })
}
