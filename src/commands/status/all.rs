//! `status --all`: one line for every project of the engine.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::overview::{BackupCoverage, Overview};
use super::row::Row;
use super::{add_warnings, prometheus, rows, sizes};
use crate::cli::{Format, StatusArgs, StatusFormat};
use crate::commands::all_projects::{AllProjects, OpenedProject, Unread, worst};
use crate::commands::context::CommandContext;
use crate::commands::{format, held_record, unsettled};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::{Column, Page, Table};
use crate::units::{Bytes, count};

const COLUMNS: &[Column] = &[
    Column::name("PROJECT"),
    Column::name("DIRECTORY"),
    Column::fixed("DATA"),
    Column::fixed("SIZE"),
    Column::fixed("PROTECTED"),
    Column::fixed("BACKUP"),
    Column::fixed("LOST"),
    Column::extra("RUNNING"),
];

/// A project with what was found of it.
struct Shown<'a> {
    opened: &'a OpenedProject<'a>,
    overview: Overview,
    data: Vec<Value>,
    warnings: Vec<String>,
}

pub(super) async fn run(
    command: &CommandContext,
    args: &StatusArgs,
    output: Format,
) -> Result<Exit, Failure> {
    let all = AllProjects::list(command, &command.ui).await?;
    let mut warnings = Vec::new();
    // The engine measures its volumes while the projects are read.
    let (sizes, opened) = tokio::join!(sizes(all.connected().engine.as_ref(), &mut warnings), all.open());
    let shown = join_all(opened.iter().map(|one| look(one, &sizes))).await;
    if args.format == Some(StatusFormat::Prometheus) {
        let overviews: Vec<Overview> = shown.into_iter().map(|one| one.overview).collect();
        let exit = exit(&overviews);
        command.ui.result(prometheus::metrics(&overviews));
        return Ok(exit);
    }
    match output {
        Format::Json => command.ui.result(format::json(&to_json(&all, &shown, &warnings))),
        Format::Text => print(command, &all, &shown, &warnings),
    }
    let overviews: Vec<Overview> = shown.into_iter().map(|one| one.overview).collect();
    Ok(exit(&overviews))
}

async fn look<'a>(opened: &'a OpenedProject<'a>, sizes: &BTreeMap<String, u64>) -> Shown<'a> {
    let cx = &opened.cx;
    let mut warnings = unsettled::warnings(cx);
    warnings.extend(held_record::warnings(cx));
    let rows = rows(cx, sizes, &mut warnings).await;
    add_warnings(cx, &rows, &mut warnings);
    let overview = Overview { is_read: opened.unread.is_none(), ..Overview::of(cx, &rows) };
    Shown { opened, overview, data: rows.iter().map(Row::json).collect(), warnings }
}

/// A loss is worse than a project that cannot be read.
fn exit(projects: &[Overview]) -> Exit {
    let of_one = |project: &Overview| match project {
        Overview { losses, .. } if !losses.is_empty() => Exit::DataMissing,
        Overview { is_read: false, .. } => Exit::Unverified,
        project if project.backups().unreadable > 0 => Exit::Unverified,
        Overview { .. } => Exit::Success,
    };
    projects.iter().map(of_one).fold(Exit::Success, worst)
}

fn print(command: &CommandContext, all: &AllProjects, shown: &[Shown<'_>], warnings: &[String]) {
    let engine = &all.connected().identity.name;
    if shown.is_empty() {
        command.ui.paragraph(format!("The engine `{engine}` knows no Compose project."));
    } else {
        let cells: Vec<Vec<String>> = shown.iter().map(cells).collect();
        let head = format!("{} on `{engine}`:", count(shown.len() as u64, "project"));
        command.ui.result(Page::new().text(head).blank().table(Table::new(COLUMNS, cells)));
    }
    for warning in warnings {
        command.ui.warn(warning);
    }
    for one in shown {
        let project = &one.overview.project;
        if let Some(unread) = &one.opened.unread {
            command.ui.warn(format!("project `{project}` cannot be read: {}.", unread.reason()));
        }
        let unreadable = one.overview.data.iter().filter(|data| data.needs_backup && data.backups_unreadable);
        for data in unreadable {
            command.ui.warn(format!(
                "project `{project}`: the backups of `{}` cannot be read, so it is not known whether there is one of {}.",
                data.service, data.place
            ));
        }
        for (service, loss) in &one.overview.losses {
            command.ui.warn(format!(
                "project `{project}`: `{service}` has lost data (reported {}), and it was neither restored nor accepted.",
                format::ago(loss.found)
            ));
        }
    }
    let with_more: Vec<&str> = shown
        .iter()
        .filter(|one| !one.warnings.is_empty())
        .map(|one| one.overview.project.as_str())
        .collect();
    if let [first, ..] = with_more.as_slice() {
        let why = match with_more.len() {
            1 => format!("For the warnings of `{first}`"),
            several => format!("{several} projects have warnings; for those of `{first}`"),
        };
        command.ui.suggest(why, command.suggest.for_project(first).command("status"));
    }
}

fn cells(one: &Shown<'_>) -> Vec<String> {
    let overview = &one.overview;
    let (volumes, held) = overview.protection();
    let directory = match (one.opened.directory(), &one.opened.unread) {
        (_, Some(Unread::Refused(_))) => "cannot be read".to_owned(),
        (None, _) => "unknown".to_owned(),
        (Some(directory), _) => directory.display().to_string(),
    };
    vec![
        overview.project.clone(),
        directory,
        overview.data.len().to_string(),
        overview.bytes().map_or_else(String::new, |bytes| Bytes(bytes).to_string()),
        match (volumes, held) {
            (0, _) => String::new(),
            (_, 0) => "no".to_owned(),
            (all, held) if all == held => "yes".to_owned(),
            (all, held) => format!("{held} of {all}"),
        },
        backup(overview.backups(), one.opened.unread.as_ref()),
        match overview.losses.len() {
            0 => "no".to_owned(),
            _ => "YES".to_owned(),
        },
        format!("{} of {}", overview.running, overview.containers),
    ]
}

/// `2 hours ago`, the age of the oldest of the newest backups; `2 hours ago, 1 of 3` where only one of three has a backup.
fn backup(backups: BackupCoverage, unread: Option<&Unread>) -> String {
    let BackupCoverage { needed, existing, unreadable, oldest } = backups;
    if unreadable > 0 {
        return format::UNREADABLE.to_owned();
    }
    let Some(oldest) = oldest else {
        return match (needed, unread) {
            (0, _) => String::new(),
            // They may be in a directory that is not known.
            (_, Some(_)) => "unknown".to_owned(),
            (_, None) => "none".to_owned(),
        };
    };
    let age = format::ago(oldest);
    if existing == needed { age } else { format!("{age}, {existing} of {needed}") }
}

fn to_json(all: &AllProjects, shown: &[Shown<'_>], warnings: &[String]) -> Value {
    let engine = &all.connected().identity;
    let projects: Vec<Value> = shown
        .iter()
        .map(|one| {
            let overview = &one.overview;
            let backups = overview.backups();
            let (volumes, held) = overview.protection();
            json!({
                "project": overview.project,
                "directory": one.opened.directory(),
                "problem": one.opened.unread.as_ref().map(Unread::reason),
                "containers": overview.containers,
                "running": overview.running,
                "bytes": overview.bytes(),
                "volumes": volumes,
                "protected": held,
                "backups_needed": backups.needed,
                "backups_existing": backups.existing,
                "backups_unreadable": backups.unreadable,
                "oldest_newest_backup": backups.oldest,
                "losses": overview.losses.iter().map(|(service, loss)| json!({
                    "service": service, "found": loss.found, "missing": loss.missing,
                })).collect::<Vec<_>>(),
                "data": one.data,
                "warnings": one.warnings,
            })
        })
        .collect();
    json!({
        "format": "safe-compose-status-all",
        "format_version": 1,
        "engine": { "id": engine.id, "name": engine.name, "endpoint": engine.endpoint },
        "projects": projects,
        "warnings": warnings,
    })
}
