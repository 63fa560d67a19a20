//! `safe-compose check`: all checks of one project, or of all, with one summary. It changes nothing.

mod run_all;

use serde_json::{Value, json};

use super::all_projects::{AllProjects, worst};
use super::context::{CommandContext, ProjectContext};
use super::format;
use crate::cli::{CheckArgs, Format};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::{Column, Page, Table};

const COLUMNS: &[Column] = &[Column::fixed("CHECK"), Column::fixed("RESULT"), Column::detail("DETAILS")];

const ALL_COLUMNS: &[Column] =
    &[Column::name("PROJECT"), Column::fixed("CHECK"), Column::fixed("RESULT"), Column::detail("DETAILS")];

/// The result of one check.
struct CheckResult {
    /// `file`, `directories`, `data`, `backups` or `protection`.
    check: &'static str,
    outcome: CheckOutcome,
    /// What was found: empty if nothing is wrong.
    details: Vec<String>,
    /// The command that shows more, or that repairs it.
    next: Option<(&'static str, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckOutcome {
    Ok,
    /// It could be safer, and does not change the exit code.
    Note,
    /// It has to be fixed.
    Problem,
    /// It could not be checked.
    Unknown,
    /// Data is missing.
    Loss,
}

impl CheckOutcome {
    fn exit(self) -> Exit {
        match self {
            Self::Ok | Self::Note => Exit::Success,
            Self::Problem => Exit::Found,
            Self::Unknown => Exit::Unverified,
            Self::Loss => Exit::DataMissing,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
            Self::Loss => "loss",
        }
    }
}

/// A project with the results of its checks.
struct CheckedProject {
    name: String,
    results: Vec<CheckResult>,
}

pub(super) async fn run(command: &CommandContext, args: &CheckArgs, output: Format) -> Result<Exit, Failure> {
    let mut projects = Vec::new();
    if args.all.all {
        let all = AllProjects::list(command, &command.ui).await?;
        for one in &all.open().await {
            let mut results = run_all::checks(&one.cx, args).await;
            if let Some(unread) = &one.unread {
                let details = vec![unread.reason().to_owned()];
                results.insert(
                    0,
                    CheckResult { check: "project", outcome: CheckOutcome::Unknown, details, next: None },
                );
            }
            projects.push(CheckedProject { name: one.known.name.clone(), results });
        }
    } else {
        let cx = ProjectContext::gather(command).await?;
        projects.push(CheckedProject {
            name: cx.project.name.clone(),
            results: run_all::checks(&cx, args).await,
        });
    }
    match output {
        Format::Json => command.ui.result(format::json(&to_json(&projects))),
        Format::Text => print(command, &projects, args.all.all),
    }
    let results = projects.iter().flat_map(|project| &project.results);
    Ok(results.map(|result| result.outcome.exit()).fold(Exit::Success, worst))
}

fn print(command: &CommandContext, projects: &[CheckedProject], is_all: bool) {
    let mut rows = Vec::new();
    for project in projects {
        // Of many projects only those lines count that say something.
        let is_shown = |result: &&CheckResult| !is_all || result.outcome != CheckOutcome::Ok;
        for result in project.results.iter().filter(is_shown) {
            let mut row = vec![
                result.check.to_owned(),
                result.outcome.word().to_owned(),
                result.details.first().cloned().unwrap_or_default(),
            ];
            if is_all {
                row.insert(0, project.name.clone());
            }
            rows.push(row);
        }
    }
    if rows.is_empty() {
        command.ui.good(format!(
            "{} checked, and nothing was found.",
            crate::units::count(projects.len() as u64, "project")
        ));
        return;
    }
    let columns = if is_all { ALL_COLUMNS } else { COLUMNS };
    let head = match projects {
        [one] if !is_all => format!("Checks of project `{}`:", one.name),
        all => format!(
            "Checks of {}, without those that found nothing:",
            crate::units::count(all.len() as u64, "project")
        ),
    };
    command.ui.result(Page::new().text(head).blank().table(Table::new(columns, rows)));
    if is_all {
        return;
    }
    for result in projects.iter().flat_map(|project| &project.results) {
        if !matches!(result.outcome, CheckOutcome::Ok) {
            for detail in &result.details {
                command.ui.warn(format!("{}: {detail}.", result.check));
            }
        }
        if let Some((why, next)) = &result.next {
            command.ui.suggest(*why, next);
        }
    }
}

fn to_json(projects: &[CheckedProject]) -> Value {
    let projects: Vec<Value> = projects
        .iter()
        .map(|project| {
            let results: Vec<Value> = project
                .results
                .iter()
                .map(|result| {
                    json!({ "check": result.check, "result": result.outcome.word(), "details": result.details })
                })
                .collect();
            json!({ "project": project.name, "checks": results })
        })
        .collect();
    json!({ "format": "safe-compose-check", "format_version": 1, "projects": projects })
}
