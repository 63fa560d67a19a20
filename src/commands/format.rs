//! Formats fingerprints, backups and plans for people and for scripts.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::context::{CommandContext, ProjectContext};
use crate::backup::consistency::Consistency;
use crate::backup::driver::Action;
use crate::backup::fingerprint::{DatabaseFingerprint, Fingerprint};
use crate::backup::manifest::{ArtifactContents, Manifest, Proof};
use crate::backup::shrink::Shrinkage;
use crate::backup::sqlite::{SqliteDatabase, SqliteResult};
use crate::backup::store::Backup;
use crate::backup::test_restore::{TestRestoreOutcome, TestRestoreRecord};
use crate::inventory::Inventory;
use crate::policy::{Assessment, Effect, Impact, Subject, Token};
use crate::preflight::{CheckFinding, CheckSeverity};
use crate::ui::{Column, Page, Table};
use crate::units::{Age, Bytes, count};
use crate::verify::Observation;

pub(super) use crate::units::list;

const COLUMNS: &[Column] = &[
    Column::name("DATA"),
    Column::fixed("EFFECT"),
    Column::name("SERVICE"),
    Column::fixed("SIZE"),
    Column::fixed("AGE"),
    Column::fixed("BACKUP"),
];

/// In the place of a backup's age.
pub(super) const UNREADABLE: &str = "cannot be read";

const COLLECTIONS: &[Column] =
    &[Column::name("COLLECTION"), Column::fixed("POINTS"), Column::detail("ALIASES")];

const SQLITE: &[Column] = &[Column::name("SQLITE DATABASE"), Column::detail("CHECK")];

const DATABASES: &[Column] = &[Column::name("DATABASE"), Column::fixed("TABLES"), Column::fixed("ROWS")];

/// `3 collections, 1204 points`.
pub(super) fn contents(fingerprint: &Fingerprint) -> String {
    match fingerprint {
        Fingerprint::Qdrant(qdrant) => {
            let points: u64 = qdrant.collections.values().filter_map(|collection| collection.points).sum();
            let collections = qdrant.collections.len() as u64;
            format!("{}, {}", count(collections, "collection"), count(points, "point"))
        }
        Fingerprint::Volume { entries, bytes } => format!("{}, {}", count(*entries, "file"), Bytes(*bytes)),
        Fingerprint::Databases(server) => {
            format!("{}, {}", count(server.databases.len() as u64, "database"), count(server.rows(), "row"))
        }
    }
}

/// What a store has now: its contents, or what tells it from other data.
pub(super) fn observation(now: &Observation) -> String {
    if let Some(counted) = &now.contents {
        return contents(counted);
    }
    let evidence = &now.evidence;
    let volumes: Vec<String> = evidence.volumes.keys().map(|name| format!("`{name}`")).collect();
    match (&evidence.server, evidence.has_data) {
        (Some(server), _) => server.to_string(),
        (None, false) => "no data yet".to_owned(),
        (None, true) if volumes.is_empty() => "files".to_owned(),
        (None, true) => format!("files in volume {}", volumes.join(" and ")),
    }
}

/// The same for a message that ends with the size on disk: the files without their own size.
pub(super) fn brief_contents(fingerprint: &Fingerprint) -> String {
    match fingerprint {
        Fingerprint::Qdrant(_) | Fingerprint::Databases(_) => contents(fingerprint),
        Fingerprint::Volume { entries, .. } => count(*entries, "file"),
    }
}

/// `2 hours ago`, `just now`.
pub(super) fn ago(then: Timestamp) -> String {
    let seconds = Timestamp::now().as_second() - then.as_second();
    match u64::try_from(seconds).unwrap_or(0) {
        0..60 => "just now".to_owned(),
        seconds => format!("{} ago", Age(Duration::from_secs(seconds))),
    }
}

/// The data that a command would lose, as a table with the reasons below.
pub(super) fn losses(plan: &Assessment) -> Page {
    let lost = || plan.impacts.iter().filter(|impact| impact.effect >= Effect::Orphan && is_reported(impact));
    table(&lost().collect::<Vec<_>>())
}

/// Whether an impact is reported before the command runs. Every container has a layer, and nobody would read a line about
/// one without known contents; a plan lists them all.
pub(super) fn is_reported(impact: &Impact) -> bool {
    match impact.effect {
        Effect::Destroy | Effect::Orphan => {
            let is_layer = matches!(impact.subject, Subject::Layer { .. });
            !(impact.notice && is_layer && impact.contents.is_none())
        }
        // Of the effects that only stop a service, those that are worth a line of their own.
        Effect::Interrupt => impact.notice,
        Effect::None => false,
    }
}

/// What stands where nothing is known.
fn unknown() -> String {
    "-".to_owned()
}

fn row(impact: &Impact) -> Vec<String> {
    let created = match &impact.subject {
        Subject::Volume { created, .. } => created.as_ref().and_then(|text| text.parse::<Timestamp>().ok()),
        Subject::Directory { .. }
        | Subject::Layer { .. }
        | Subject::Tmpfs { .. }
        | Subject::Collection { .. }
        | Subject::Image { .. }
        | Subject::Service { .. } => None,
    };
    let age = created.map_or_else(unknown, |then| ago(then).trim_end_matches(" ago").to_owned());
    vec![
        subject(&impact.subject),
        effect(impact),
        if impact.services.is_empty() {
            unknown()
        } else {
            impact.services.iter().cloned().collect::<Vec<_>>().join(", ")
        },
        impact.bytes.map_or_else(unknown, |bytes| Bytes(bytes).to_string()),
        age,
        match &impact.newest_backup {
            Some(backup) => ago(backup.created),
            None if impact.backups_unreadable => UNREADABLE.to_owned(),
            None => "none".to_owned(),
        },
    ]
}

/// A table of effects, with the reasons below.
fn table(impacts: &[&Impact]) -> Page {
    let rows: Vec<Vec<String>> = impacts.iter().map(|impact| row(impact)).collect();
    let page = Page::from(Table::new(COLUMNS, rows)).blank().text(reasons(impacts));
    if impacts.iter().any(|impact| is_marked(impact)) {
        page.text(format!("  {NO_PROMPT} This data alone causes no prompt.\n"))
    } else {
        page
    }
}

/// Marks what is lost without a prompt: the settings call it disposable, or no known program keeps data there.
const NO_PROMPT: char = '*';

fn is_marked(impact: &Impact) -> bool {
    impact.effect >= Effect::Orphan && (impact.disposable || impact.notice)
}

/// The effect of a command on one piece of data.
fn effect(impact: &Impact) -> String {
    let effect = match impact.effect {
        Effect::Destroy => "destroyed",
        Effect::Orphan => "left behind",
        Effect::Interrupt => "interrupted",
        Effect::None => "kept",
    };
    if is_marked(impact) { format!("{effect}{NO_PROMPT}") } else { effect.to_owned() }
}

/// The subject of a backup: a service, or the nodes of a cluster.
pub(super) fn saved(nodes: &[String], service: &str) -> String {
    match nodes {
        [] => format!("`{service}`"),
        nodes => format!("the cluster of `{}`", nodes.join("`, `")),
    }
}

/// `volume shop_data`.
pub(super) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Volume { name, anonymous: false, .. } => format!("volume {name}"),
        Subject::Volume { name, anonymous: true, .. } => {
            format!("anonymous volume {}…", name.get(..12).unwrap_or(name))
        }
        Subject::Directory { path } => format!("directory {path}"),
        Subject::Layer { container, .. } => format!("container {container}"),
        Subject::Tmpfs { path, .. } => format!("tmpfs {path}"),
        Subject::Collection { name, .. } => format!("collection {name}"),
        Subject::Image { name, .. } => format!("image {name}"),
        Subject::Service { name } => format!("service {name}"),
    }
}

/// Every effect of a command, as a table with the reasons below.
pub(super) fn effects(plan: &Assessment) -> Page {
    table(&plan.impacts.iter().collect::<Vec<_>>())
}

/// The contents, which no column has space for, and the reason: one line for each piece of data.
fn reasons(impacts: &[&Impact]) -> String {
    impacts.iter().fold(String::new(), |text, impact| format!("{text}  {}\n", reason(impact)))
}

/// `volume shop_data (3 collections, 1204 points): …`.
pub(super) fn reason(impact: &Impact) -> String {
    let contents = impact.contents.as_ref().map_or_else(String::new, |contents| format!(" ({contents})"));
    format!("{}{contents}: {}.", subject(&impact.subject), impact.reason)
}

/// The plan for scripts; `docs/json.md` documents it.
pub(super) fn plan_json(command: &CommandContext, plan: &Assessment, findings: &[CheckFinding]) -> String {
    let token = (plan.worst() >= Effect::Orphan).then(|| Token::of(plan, Timestamp::now()).to_string());
    json(&json!({
        "format": "safe-compose-plan",
        "format_version": 2,
        "command": command.words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>(),
        "worst": plan.worst(),
        "runs_program": command.reading.runs_program(),
        "token": token,
        "plan": plan,
        "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
    }))
}

/// Names the engine if it is not this machine's default.
pub(super) fn elsewhere(cx: &ProjectContext<'_>) -> String {
    let identity = cx.identity();
    if identity.endpoint == crate::engine::context::DEFAULT_SOCKET {
        String::new()
    } else {
        format!(" on engine `{}` ({})", identity.name, identity.endpoint)
    }
}

/// A path relative to the current directory, where it is below it.
pub(super) fn short_path(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    if short.as_os_str().is_empty() { ".".to_owned() } else { short.display().to_string() }
}

/// The services that hold data: `api, qdrant`.
pub(super) fn services(inventory: &Inventory) -> String {
    let mut names: Vec<&str> = inventory.stores.iter().map(|store| store.service.as_str()).collect();
    names.dedup();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A finding of the checks before a start.
pub(super) fn finding(finding: &CheckFinding) -> String {
    format!("{}: {}: {}.", finding.service, finding.what, finding.why)
}

fn finding_json(finding: &CheckFinding) -> serde_json::Value {
    let severity = match finding.severity {
        CheckSeverity::Stop => "error",
        CheckSeverity::Repair => "repair",
        CheckSeverity::Warn => "warning",
        CheckSeverity::Note => "note",
    };
    json!({ "severity": severity, "service": finding.service, "problem": finding.what, "reason": finding.why })
}

/// A fragment with its first letter in upper case.
pub(super) fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(super) fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Failed => "failed",
        Proof::Copied => "copied",
        Proof::Readable => "readable",
        Proof::Restored => "restored",
    }
}

/// How far a backup is proven, and the result of its test restore.
fn proof_of(backup: &Backup) -> String {
    let level = proof(backup.proof());
    let Some(record) = &backup.test_restore else { return level.to_owned() };
    let server = record.server.as_deref().unwrap_or("-");
    let when = ago(record.time);
    match &record.outcome {
        TestRestoreOutcome::Restored => format!("{level} into a temporary {} {server}, {when}", record.image),
        TestRestoreOutcome::Failed { reasons } => format!("{level} {when}: {}", reasons.join("; ")),
    }
}

/// The consistency of a backup, and what it means.
fn consistency_of(backup: &Backup) -> String {
    let consistency = backup.manifest.consistency;
    let meaning = match consistency {
        Consistency::Dumped => "written by the server itself",
        Consistency::Cold => "copied while nothing could write",
        Consistency::Frozen => "copied while everything that could write was paused",
        Consistency::TornPossible => "something may have written during the copy",
    };
    format!("{consistency}: {meaning}")
}

/// How far a backup can be relied on, in one or two words.
pub(super) fn reliability(backup: &Backup) -> String {
    let consistency = backup.manifest.consistency;
    if consistency.is_sound() { proof(backup.proof()).to_owned() } else { consistency.to_string() }
}

fn trial_json(record: &TestRestoreRecord) -> serde_json::Value {
    let reasons = match &record.outcome {
        TestRestoreOutcome::Restored => &[],
        TestRestoreOutcome::Failed { reasons } => reasons.as_slice(),
    };
    json!({ "time": record.time, "image": record.image, "server": record.server, "reasons": reasons })
}

pub(super) fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Replace => "replace",
        Action::Keep => "keep",
        Action::Finish => "finish",
    }
}

/// That a backup has far less than the one before it.
pub(super) fn shrinkage(manifest: &Manifest, earlier: &Shrinkage) -> String {
    let before = match earlier.bytes {
        Some(bytes) => format!("{}, {}", count(earlier.entries, "file"), Bytes(bytes)),
        None => count(earlier.entries, "point"),
    };
    format!(
        "the backup of `{}` has {}, and `{}` ({}) had {before}; until that is accepted, backups like this one never \
         replace older ones",
        manifest.service,
        contents(&manifest.fingerprint),
        earlier.since,
        ago(earlier.created),
    )
}

/// One backup for scripts.
pub(super) fn backup_json(backup: &Backup) -> serde_json::Value {
    let manifest = &backup.manifest;
    json!({
        "name": backup.name(),
        "path": backup.directory,
        "project": manifest.project,
        "engine": manifest.engine,
        "service": manifest.service,
        "kind": manifest.kind,
        "role": manifest.role,
        "sequence": manifest.sequence,
        "shrinkage": manifest.shrinkage,
        "sqlite": manifest.sqlite,
        "created": manifest.created,
        "bytes": backup.bytes(),
        "proof": backup.proof(),
        "pinned": backup.is_pinned,
        "consistency": manifest.consistency,
        "test_restore": backup.test_restore.as_ref().map(trial_json),
        "reason": manifest.reason,
        "server": manifest.server,
        "contents": contents(&manifest.fingerprint),
    })
}

/// One backup for people. `same_moment` are the backups that are of the same moment.
pub(super) fn backup(backup: &Backup, same_moment: &[String]) -> Page {
    let manifest = &backup.manifest;
    let head = format!(
        "{}\n  service      {} of project {}\n  image        {}\n  created      {} by {}\n  reason       {}\n  contents     {}\n  size         {}\n  proof        {}\n  consistency  {}\n  retention    {}\n  directory    {}\n",
        backup.name(),
        manifest.service,
        manifest.project,
        manifest.server.as_deref().map_or_else(
            || manifest.image.clone(),
            |version| format!("{} (version {version})", manifest.image)
        ),
        manifest.created,
        manifest.tool,
        manifest.reason,
        contents(&manifest.fingerprint),
        Bytes(backup.bytes()),
        proof_of(backup),
        consistency_of(backup),
        if backup.is_pinned { "pinned: never removed" } else { "as the settings say" },
        short_path(&backup.directory),
    );
    let mut page = Page::from(head);
    for other in same_moment {
        page = page.verbatim(format!("  one moment   with {other}"));
    }
    if let Fingerprint::Qdrant(qdrant) = &manifest.fingerprint {
        let rows: Vec<Vec<String>> = qdrant
            .collections
            .iter()
            .map(|(name, collection)| {
                let aliases: Vec<&str> = qdrant
                    .aliases
                    .iter()
                    .filter(|(_, to)| *to == name)
                    .map(|(alias, _)| alias.as_str())
                    .collect();
                let points =
                    collection.points.map_or_else(|| "unreadable".to_owned(), |points| points.to_string());
                vec![name.clone(), points, aliases.join(", ")]
            })
            .collect();
        page = page.blank().table(Table::new(COLLECTIONS, rows));
    }
    if let Fingerprint::Databases(server) = &manifest.fingerprint {
        let row = |(name, database): (&String, &DatabaseFingerprint)| {
            vec![name.clone(), database.tables.len().to_string(), database.rows().to_string()]
        };
        let rows = server.databases.iter().map(row).collect();
        page = page.blank().table(Table::new(DATABASES, rows));
    }
    if !manifest.sqlite.is_empty() {
        let row = |database: &SqliteDatabase| {
            let result = match &database.result {
                SqliteResult::Intact => "intact".to_owned(),
                SqliteResult::Damaged { problem } => format!("damaged: {problem}"),
                SqliteResult::Unchecked { reason } => format!("not checked: {reason}"),
            };
            vec![database.path.clone(), result]
        };
        page = page.blank().table(Table::new(SQLITE, manifest.sqlite.iter().map(row).collect()));
    }
    let files = manifest.artifacts.iter().filter_map(|artifact| {
        let ArtifactContents::Files { target, attributes, skipped_sockets, .. } = &artifact.contents else {
            return None;
        };
        Some((target, (*attributes)?, skipped_sockets))
    });
    for (target, attributes, skipped_sockets) in files {
        page = page.blank().text(format!("Attributes of files in {target}: {attributes}."));
        if !skipped_sockets.is_empty() {
            page = page.text(format!(
                "Sockets that were not copied, because programs make them when they start: {}.",
                skipped_sockets.join(", ")
            ));
        }
    }
    page = page.blank().verbatim("To restore without safe-compose:");
    for line in &manifest.manual_restore {
        // Some lines are commands to copy.
        page = page.verbatim(format!("  {line}"));
    }
    page
}

/// Pretty JSON, as our own commands print it.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain data serialises")
}
