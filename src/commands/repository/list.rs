//! `safe-compose backups --repository`: the backups in the repository.

use serde_json::json;

use super::access;
use crate::backup::repository::RepositorySnapshot;
use crate::cli::Format;
use crate::commands::command_context::CommandContext;
use crate::commands::context::OwnBackups;
use crate::commands::format;
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::{Column, Table};

const COLUMNS: &[Column] = &[
    Column::fixed("BACKUP"),
    Column::fixed("CREATED"),
    Column::name("HOST"),
    Column::detail("CONTENTS"),
    Column::fixed("SNAPSHOT"),
    Column::extra("REASON"),
];

/// Lists the project's backups, newest first.
pub(in crate::commands) async fn list(
    command: &CommandContext,
    own: &OwnBackups,
    all_projects: bool,
    output: Format,
) -> Result<Exit, Failure> {
    let access = access::of_settings(command, (&own.project, &own.settings), &command.suggest)?;
    let name = access.location.to_string();
    let (_, mut found) = access::open(access)
        .await
        .map_err(|error| super::failed("the repository could not be read", error))?;
    found.retain(|one| all_projects || one.stored.manifest.project == own.project.name);
    found.reverse();
    if output == Format::Json {
        command.ui.result(format::json(&found.iter().map(json_of).collect::<Vec<_>>()));
        return Ok(Exit::Success);
    }
    if found.is_empty() {
        command.ui.paragraph(format!("No backups of project `{}` in {name}.", own.project.name));
        return Ok(Exit::Success);
    }
    let rows = found.iter().map(row).collect();
    command.ui.result(Table::new(COLUMNS, rows));
    Ok(Exit::Success)
}

fn row(one: &RepositorySnapshot) -> Vec<String> {
    let manifest = &one.stored.manifest;
    vec![
        one.stored.name.clone(),
        format::ago(one.created()),
        one.host.clone(),
        format::brief_contents(&manifest.fingerprint),
        one.id.clone(),
        manifest.reason.clone(),
    ]
}

fn json_of(one: &RepositorySnapshot) -> serde_json::Value {
    json!({
        "name": one.stored.name,
        "project": one.stored.manifest.project,
        "service": one.stored.manifest.service,
        "set": one.stored.set,
        "snapshot": one.id,
        "host": one.host,
        "created": one.created(),
        "reason": one.stored.manifest.reason,
    })
}
