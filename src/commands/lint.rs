//! `safe-compose lint`: checks Compose files for mistakes that lose data.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lint_input::{read_stdin, split_stdin};
use super::mode::{Apply, Mode};
use super::{format, lint_rules, lint_scripts};
use crate::cli::{Deny, LintArgs, LintFormat};
use crate::compose::invocation::Reading;
use crate::compose::project::sources;
use crate::env::{self, Env};
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::write_atomically;
use crate::lint::{
    self, LintBaseline, LintBaselineError, LintFinding, LintReport, LintRule, LintSeverity, LintTarget,
};
use crate::ui::{Page, Ui, findings};

/// Where `lint` runs.
#[derive(Clone, Copy)]
pub(super) struct LintContext<'a> {
    pub(super) ui: &'a Ui,
    pub(super) env: &'a Env,
    pub(super) reading: &'a Reading,
}

/// Runs without an async runtime, because it asks neither the engine nor Compose.
pub(super) fn run(
    cx: &LintContext<'_>,
    args: &LintArgs,
    mode: Mode,
    output: LintFormat,
) -> Result<Exit, Failure> {
    let LintContext { ui, env, reading } = *cx;
    if let Some(id) = &args.explain {
        return lint_rules::explain(ui, id, output);
    }
    if args.rules {
        lint_rules::list(ui, output);
        return Ok(Exit::Success);
    }
    if args.scripts {
        return finish(ui, args, &lint_scripts::check(ui, &args.files)?, (mode, output));
    }
    let targets = targets(env, reading, args)?;
    let mut reports = check(&targets);
    if args.fix || args.diff {
        let apply = match mode {
            Mode::Apply(apply) if args.fix => Some(apply),
            Mode::Apply(_) | Mode::DryRun => None,
        };
        let changed = fix(ui, &reports, apply)?;
        if args.diff {
            return Ok(if changed { Exit::Found } else { Exit::Success });
        }
        if apply.is_none() {
            ui.say("dry run: no file was changed.");
            return Ok(Exit::Success);
        }
        if changed {
            reports = check(&targets);
        }
    }
    finish(ui, args, &reports, (mode, output))
}

/// Removes known findings, shows the rest, and decides on the exit code.
fn finish(
    ui: &Ui,
    args: &LintArgs,
    reports: &[LintReport],
    (mode, output): (Mode, LintFormat),
) -> Result<Exit, Failure> {
    let mut found: Vec<LintFinding> = reports.iter().flat_map(LintReport::findings).collect();
    // A file that several projects include is checked once for each.
    let mut seen = HashSet::new();
    found.retain(|finding| seen.insert((finding.location.clone(), finding.rule, finding.message.clone())));
    if let Some(path) = &args.baseline {
        let failure = |error| baseline_failure(path, error);
        if args.write_baseline {
            let count = crate::units::count(found.len() as u64, "known finding");
            match mode {
                Mode::DryRun => ui.say(format!("dry run: {count} would be written to `{}`.", path.display())),
                Mode::Apply(apply) => {
                    write_baseline(path, &found, apply).map_err(failure)?;
                    ui.good(format!("wrote {count} to `{}`.", path.display()));
                }
            }
            return Ok(Exit::Success);
        }
        found = LintBaseline::read(path).map_err(failure)?.filter(found);
    }
    show(ui, output, &found, reports);
    let least = match args.deny {
        _ if args.strict => LintSeverity::Warning,
        Deny::Error => LintSeverity::Error,
        Deny::Warning => LintSeverity::Warning,
        Deny::Info => LintSeverity::Info,
    };
    let denied = found.iter().any(|finding| finding.severity >= least);
    Ok(if denied { Exit::Found } else { Exit::Success })
}

fn write_baseline(path: &Path, found: &[LintFinding], _: Apply) -> Result<(), LintBaselineError> {
    LintBaseline::of(found).write(path)
}

fn show(ui: &Ui, format: LintFormat, found: &[LintFinding], reports: &[LintReport]) {
    match format {
        LintFormat::Text => {
            let texts: BTreeMap<PathBuf, Arc<str>> = reports.iter().flat_map(LintReport::texts).collect();
            ui.result(Page::new().raw(findings::render(found, &texts)));
        }
        LintFormat::Json => ui.result(format::json(&lint::output::json(found))),
        LintFormat::Sarif => {
            let rules: Vec<&LintRule> = lint::rules::all().collect();
            ui.result(format::json(&lint::output::sarif(found, &rules)));
        }
        LintFormat::Github => ui.result(lint::output::github(found)),
    }
}

fn baseline_failure(path: &Path, error: LintBaselineError) -> Failure {
    Failure::new(Exit::Usage, format!("cannot use the baseline `{}`", path.display()))
        .because(error)
        .say("Nothing was checked against it. `--write-baseline` writes a new one from the current findings.")
}

/// The projects to check.
fn targets(env: &Env, reading: &Reading, args: &LintArgs) -> Result<Vec<LintTarget>, Failure> {
    if !args.files.is_empty() {
        let (files, stdin) = split_stdin(&args.files)?;
        let mut targets = lint::targets(&files);
        targets.extend(stdin.map(|text| LintTarget {
            files: vec!["-".into()],
            directory: ".".into(),
            env_files: vec![".env".into()],
            stdin: Some(text),
            complete: false,
        }));
        return Ok(targets);
    }
    let found = sources(reading, env);
    if found.files.is_empty() {
        return Err(Failure::new(Exit::Usage, "no Compose file found in this directory or its parents")
            .say("Name the files to check: `safe-compose lint FILE…`."));
    }
    let relative = |path: &PathBuf| path.strip_prefix(&env.current_dir).unwrap_or(path).to_path_buf();
    let directory = match relative(&found.directory) {
        path if path.as_os_str().is_empty() => PathBuf::from("."),
        path => path,
    };
    let has_stdin = found.files.iter().any(|file| file == Path::new("-"));
    let stdin = if has_stdin { Some(read_stdin()?) } else { None };
    Ok(vec![LintTarget {
        files: found.files.iter().map(relative).collect(),
        directory,
        env_files: found.env_files,
        stdin,
        complete: true,
    }])
}

/// Checks every project, on all processors if there are many.
fn check(targets: &[LintTarget]) -> Vec<LintReport> {
    const FEW: usize = 32;
    let one = |target: &LintTarget| lint::check(target, &env::variable);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if targets.len() <= FEW || threads == 1 {
        return targets.iter().map(one).collect();
    }
    let share = targets.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let workers: Vec<_> = targets
            .chunks(share)
            .map(|chunk| scope.spawn(move || chunk.iter().map(one).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

/// Shows the changes that fix findings and, with permission, makes them. Whether there are any.
fn fix(ui: &Ui, reports: &[LintReport], apply: Option<Apply>) -> Result<bool, Failure> {
    let mut done = BTreeSet::new();
    for (path, old, new) in reports.iter().flat_map(LintReport::fixed) {
        if path == Path::new("-") || !done.insert(path.clone()) {
            continue;
        }
        ui.result(Page::new().raw(lint::diff(&path, &old, &new)));
        if apply.is_some() {
            let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            let mode = fs::metadata(&target).map_or(0o644, |metadata| metadata.permissions().mode() & 0o7777);
            write_atomically(&target, new.as_bytes(), mode).map_err(|error| {
                Failure::new(Exit::Usage, format!("cannot change `{}`", path.display()))
                    .because(error)
                    .say("The file was not changed.")
            })?;
        }
    }
    Ok(!done.is_empty())
}
