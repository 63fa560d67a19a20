//! `safe-compose setup status`: asks which commands are guarded.

use std::path::Path;

use serde_json::{Value, json};

use super::super::format;
use super::super::offline_context::OfflineContext;
use crate::cli::Format;
use crate::compose::binary;
use crate::env::Env;
use crate::exit::Exit;
use crate::setup::{
    ProbeAnswer, ProbePlace, ProbedCommand, RecordedStep, SetupPlaces, SetupProbe, SetupRecord, SetupScope,
    SetupStep, bypasses, probe_all,
};
use crate::suggest::Suggest;
use crate::ui::{Column, Page, Table};

pub(super) fn run(cx: &OfflineContext<'_>, output: Format) -> Exit {
    let probes = probe_all(cx.env);
    let installed = [SetupScope::User, SetupScope::System].map(|scope| installed(cx.env, scope)).concat();
    let bypasses = bypasses(cx.env);
    match output {
        Format::Json => cx.ui.result(format::json(&json!({
            "format": "safe-compose-setup-status",
            "format_version": 1,
            "commands": probes.iter().map(probe_json).collect::<Vec<_>>(),
            "installed": installed.iter().map(|(path, state)| json!({ "path": path, "state": state })).collect::<Vec<_>>(),
            "bypasses": bypasses,
        }))),
        Format::Text => cx.ui.result(page(&probes, &installed, &bypasses, &cx.suggest)),
    }
    Exit::Success
}

fn page(
    probes: &[SetupProbe],
    installed: &[(String, &'static str)],
    bypasses: &[String],
    suggest: &Suggest,
) -> Page {
    let rows = probes
        .iter()
        .map(|probe| {
            vec![probe.command.words().to_owned(), probe.place.words().to_owned(), answer(&probe.answer)]
        })
        .collect();
    let columns = [Column::fixed("COMMAND"), Column::fixed("TYPED IN"), Column::detail("ANSWER")];
    let mut page = Page::new().table(Table::new(&columns, rows)).blank();
    if installed.is_empty() {
        page = page.text("Nothing was installed by `setup`.");
    } else {
        let rows = installed.iter().map(|(path, state)| vec![path.clone(), (*state).to_owned()]).collect();
        page = page.table(Table::new(&[Column::name("INSTALLED"), Column::fixed("STATE")], rows));
    }
    page = page.blank().text("Not guarded:");
    let advice = probes.iter().filter_map(|probe| advice(probe, probes, suggest));
    page = advice.fold(page, |page, line| page.text(format!("  - {line}")));
    bypasses.iter().fold(page, |page, bypass| page.text(format!("  - {bypass}")))
}

/// How a command becomes guarded where it is not.
fn advice(probe: &SetupProbe, probes: &[SetupProbe], suggest: &Suggest) -> Option<String> {
    if probe.answer != ProbeAnswer::NotGuarded {
        return None;
    }
    let guarded_elsewhere = |place| {
        probes.iter().any(|other| {
            other.command == probe.command && other.place == place && other.answer == ProbeAnswer::Guarded
        })
    };
    let run = |words: &[&str]| format!("run `{}`", suggest.setup(words));
    let how = match (probe.place, probe.command) {
        (ProbePlace::Script, _) if guarded_elsewhere(ProbePlace::LoginShell) => {
            "open a new shell; this one has its former `PATH`".to_owned()
        }
        (ProbePlace::Script | ProbePlace::LoginShell, ProbedCommand::Plugin) => run(&["plugin"]),
        (ProbePlace::Script | ProbePlace::LoginShell, ProbedCommand::Standalone) => run(&["shim"]),
        (ProbePlace::Cron, ProbedCommand::Standalone) => {
            "set `PATH` at the top of the crontab, with the directory of the guarded program first".to_owned()
        }
        (ProbePlace::Sudo | ProbePlace::Service | ProbePlace::Cron, _) => run(&["--system"]),
    };
    Some(format!("`{}` in {}: {how}", probe.command.words(), probe.place.words()))
}

fn answer(answer: &ProbeAnswer) -> String {
    match answer {
        ProbeAnswer::Guarded => "guarded".to_owned(),
        ProbeAnswer::NotGuarded => "NOT guarded".to_owned(),
        ProbeAnswer::Absent => "no such command".to_owned(),
        ProbeAnswer::Unknown(why) => format!("unknown: {why}"),
    }
}

fn probe_json(probe: &SetupProbe) -> Value {
    let (answer, reason) = match &probe.answer {
        ProbeAnswer::Guarded => ("guarded", None),
        ProbeAnswer::NotGuarded => ("not-guarded", None),
        ProbeAnswer::Absent => ("absent", None),
        ProbeAnswer::Unknown(why) => ("unknown", Some(why)),
    };
    json!({ "command": probe.command.words(), "from": probe.place.words(), "answer": answer, "reason": reason })
}

/// The programs and links that `setup` has made for somebody, each with its state.
fn installed(env: &Env, scope: SetupScope) -> Vec<(String, &'static str)> {
    let Some(places) = SetupPlaces::of(env, scope) else { return Vec::new() };
    let record = SetupRecord::read(&places.record()).unwrap_or_default();
    let mut found = Vec::new();
    for step in &record.steps {
        let (path, state) = match step {
            RecordedStep::Program { path } => (path, program_state(env, path)),
            RecordedStep::Link { path, target, .. } => (path, link_state(env, path, target)),
            RecordedStep::Directory { .. }
            | RecordedStep::File { .. }
            | RecordedStep::Block { .. }
            | RecordedStep::Crontab { .. }
            | RecordedStep::Enable { .. } => continue,
        };
        let row = (path.display().to_string(), state);
        if !found.contains(&row) {
            found.push(row);
        }
    }
    found
}

fn program_state(env: &Env, path: &Path) -> &'static str {
    let Some(from) = env.executable.clone() else { return "unknown" };
    if !path.exists() {
        "missing"
    } else if (SetupStep::Program { from, to: path.to_owned() }).is_done() {
        "current"
    } else {
        "another version: `setup` replaces it"
    }
}

fn link_state(env: &Env, path: &Path, target: &Path) -> &'static str {
    match std::fs::read_link(path) {
        Err(_) if path.exists() => "replaced by another file",
        Err(_) => "missing",
        Ok(to) if to != target => "leads elsewhere",
        Ok(_) if !path.exists() => "leads to nothing",
        Ok(_) if binary::is_ourselves(env, path) => "current",
        Ok(_) => "leads to another program",
    }
}
