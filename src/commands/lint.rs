//! `safe-compose lint`: does a Compose file lose data?

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::lint_texts::{Texts, read_stdin};
use super::mode::{Apply, Mode};
use super::{format, lint_scripts};
use crate::cli::{Deny, LintArgs, LintFormat};
use crate::compose::invocation::Reading;
use crate::compose::project::sources;
use crate::env::{self, Env};
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::write_atomically;
use crate::lint::{self, Baseline, Checked, Finding, Severity, Target};
use crate::ui::{Ui, findings};

/// What `lint` looks at.
#[derive(Clone, Copy)]
pub(super) struct LintContext<'a> {
    pub(super) ui: &'a Ui,
    pub(super) env: &'a Env,
    pub(super) reading: &'a Reading,
}

/// Runs without a runtime: it needs neither Compose nor an engine.
pub(super) fn run(
    cx: &LintContext<'_>,
    args: &LintArgs,
    mode: Mode,
    output: LintFormat,
) -> Result<Exit, Failure> {
    let LintContext { ui, env, reading } = *cx;
    if let Some(id) = &args.explain {
        return explain(ui, id, output);
    }
    if args.rules {
        list(ui, output);
        return Ok(Exit::Success);
    }
    if args.scripts {
        let (found, texts) = lint_scripts::look(ui, &args.files)?;
        return finish(ui, args, (found, &texts), (mode, output));
    }
    let targets = targets(env, reading, args)?;
    let mut checked = check(&targets);
    if args.fix || args.diff {
        let apply = match mode {
            Mode::Apply(apply) => Some(apply),
            Mode::DryRun => None,
        };
        let changed = repair(ui, &checked, apply)?;
        if args.diff {
            return Ok(if changed { Exit::Found } else { Exit::Success });
        }
        if apply.is_none() {
            ui.say("Dry run: no file was changed.");
            return Ok(Exit::Success);
        }
        if changed {
            checked = check(&targets);
        }
    }
    let mut found: Vec<Finding> = checked.iter().flat_map(Checked::findings).collect();
    // A file that several projects include is looked at once for each.
    let mut seen = std::collections::HashSet::new();
    found.retain(|finding| seen.insert((finding.place.clone(), finding.rule, finding.message.clone())));
    let texts: Texts = checked.iter().flat_map(Checked::texts).collect();
    finish(ui, args, (found, &texts), (mode, output))
}

/// Leaves out what is known, shows the rest, and says how it ends.
fn finish(
    ui: &Ui,
    args: &LintArgs,
    (mut found, texts): (Vec<Finding>, &Texts),
    (mode, output): (Mode, LintFormat),
) -> Result<Exit, Failure> {
    if let Some(path) = &args.baseline {
        if args.write_baseline {
            let written = format!(
                "{} to `{}`.",
                crate::units::count(found.len() as u64, "known finding"),
                path.display()
            );
            match mode {
                Mode::DryRun => ui.say(format!("Dry run: would write {written}")),
                Mode::Apply(apply) => {
                    write_baseline(path, &found, apply)?;
                    ui.good(format!("Wrote {written}"));
                }
            }
            return Ok(Exit::Success);
        }
        found = Baseline::read(path).map_err(|error| baseline(path, error))?.filter(found);
    }
    show(ui, output, &found, texts);
    let least = match args.deny {
        _ if args.strict => Severity::Warning,
        Deny::Error => Severity::Error,
        Deny::Warning => Severity::Warning,
        Deny::Info => Severity::Info,
    };
    let denied = found.iter().any(|finding| finding.severity >= least);
    Ok(if denied { Exit::Found } else { Exit::Success })
}

fn write_baseline(path: &Path, found: &[Finding], _: Apply) -> Result<(), Failure> {
    Baseline::of(found).write(path).map_err(|error| baseline(path, error))
}

fn show(ui: &Ui, format: LintFormat, found: &[Finding], texts: &Texts) {
    match format {
        LintFormat::Text => ui.result(findings::render(found, texts)),
        LintFormat::Json => ui.result(format::json(&lint::output::json(found))),
        LintFormat::Sarif => {
            let rules: Vec<_> = lint::catalogue().collect();
            ui.result(format::json(&lint::output::sarif(found, &rules)));
        }
        LintFormat::Github => ui.result(lint::output::github(found)),
    }
}

fn explain(ui: &Ui, id: &str, output: LintFormat) -> Result<Exit, Failure> {
    let Some(rule) = lint::catalogue().find(|rule| rule.id == id) else {
        return Err(Failure::new(Exit::Usage, format!("there is no rule `{id}`"))
            .say("`safe-compose lint --rules` lists them."));
    };
    match output {
        LintFormat::Json | LintFormat::Sarif => ui.result(format::json(&json!({
            "id": rule.id, "severity": rule.severity, "summary": rule.summary(), "text": rule.text(),
        }))),
        LintFormat::Text | LintFormat::Github => {
            ui.result(format!("# {} ({})\n\n{}", rule.id, describe_severity(rule.severity), rule.text()));
        }
    }
    Ok(Exit::Success)
}

fn describe_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn list(ui: &Ui, format: LintFormat) {
    let rules = lint::catalogue;
    match format {
        LintFormat::Json | LintFormat::Sarif => {
            let all: Vec<_> = rules()
                .map(|rule| json!({ "id": rule.id, "severity": rule.severity, "summary": rule.summary() }))
                .collect();
            ui.result(format::json(
                &json!({ "format": "safe-compose-lint-rules", "format_version": 1, "rules": all }),
            ));
        }
        LintFormat::Text | LintFormat::Github => {
            let width = rules().map(|rule| rule.id.len()).max().unwrap_or(0);
            let lines: Vec<String> = rules()
                .map(|rule| {
                    format!("{:width$}  {:7}  {}", rule.id, describe_severity(rule.severity), rule.summary())
                })
                .collect();
            ui.result(lines.join("\n"));
        }
    }
}

fn baseline(path: &Path, error: lint::BaselineError) -> Failure {
    Failure::new(Exit::Usage, format!("the baseline `{}` cannot be used", path.display()))
        .because(error)
        .say("`--write-baseline` makes a new one of what is found now.")
}

/// What the words ask to be read.
fn targets(env: &Env, reading: &Reading, args: &LintArgs) -> Result<Vec<Target>, Failure> {
    let stdin = |wanted: bool| if wanted { read_stdin().map(Some) } else { Ok(None) };
    if !args.files.is_empty() {
        let (streams, files): (Vec<PathBuf>, Vec<PathBuf>) =
            args.files.iter().cloned().partition(|file| file == Path::new("-"));
        let mut targets = lint::targets(&files);
        if let Some(text) = stdin(!streams.is_empty())? {
            targets.push(Target {
                files: vec!["-".into()],
                directory: ".".into(),
                env_files: vec![".env".into()],
                stdin: Some(text),
                whole: false,
            });
        }
        return Ok(targets);
    }
    let found = sources(reading, env);
    if found.files.is_empty() {
        return Err(Failure::new(Exit::Usage, "there is no Compose file here")
            .say("Name the files: `safe-compose lint FILE…`."));
    }
    let near = |path: &PathBuf| path.strip_prefix(&env.current_dir).unwrap_or(path).to_path_buf();
    let directory = match near(&found.directory) {
        path if path.as_os_str().is_empty() => PathBuf::from("."),
        path => path,
    };
    let stdin = stdin(found.files.iter().any(|file| file == Path::new("-")))?;
    Ok(vec![Target {
        files: found.files.iter().map(near).collect(),
        directory,
        env_files: found.env_files,
        stdin,
        whole: true,
    }])
}

/// Every target, on all processors when there are many.
fn check(targets: &[Target]) -> Vec<Checked> {
    const FEW: usize = 32;
    let one = |target: &Target| lint::check(target, &env::variable);
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

/// Shows, and with permission makes, the changes that fix findings. Whether there were any.
fn repair(ui: &Ui, checked: &[Checked], apply: Option<Apply>) -> Result<bool, Failure> {
    let mut done = std::collections::BTreeSet::new();
    for (path, old, new) in checked.iter().flat_map(|checked| checked.fixed(|_| true)) {
        if path == Path::new("-") || !done.insert(path.clone()) {
            continue;
        }
        ui.result(lint::diff(&path, &old, &new));
        if apply.is_some() {
            let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            let mode = fs::metadata(&target).map_or(0o644, |metadata| metadata.permissions().mode() & 0o7777);
            write_atomically(&target, new.as_bytes(), mode).map_err(|error| {
                Failure::new(Exit::Usage, format!("`{}` cannot be changed", path.display())).because(error)
            })?;
        }
    }
    Ok(!done.is_empty())
}
