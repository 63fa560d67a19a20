//! Trying one row: the plan, the real Compose, and the comparison.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use safe_compose::policy::Effect;
use serde_json::Value;

use super::places::{self, Behind, Body, Place};
use super::row::{Fate, Files, Row};
use super::{engine, images};
use crate::requirements::unavailable;
use crate::support::scratch::Ran;
use crate::support::{Compose, machine};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A project directory of its own, named like the project, and everything on the engine that bears its name.
pub struct Trial {
    real: PathBuf,
    root: tempfile::TempDir,
    pub project: String,
}

impl Trial {
    /// `None`, with a printed reason, where this machine cannot run it.
    pub fn new(compose: Compose, files: Files) -> Option<Self> {
        let real = machine::compose(compose)?;
        if compose == Compose::V1 && machine::images_in_containerd() {
            unavailable("Compose V1 cannot re-create a container on this engine (tests/e2e/v1_api.rs)");
            return None;
        }
        images::ensure();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let project = format!("sctest{}o{number}", std::process::id());
        let trial = Self { real, root: tempfile::tempdir().expect("a directory"), project };
        fs::create_dir(trial.directory()).expect("made");
        trial.write(files);
        Some(trial)
    }

    pub fn directory(&self) -> PathBuf {
        self.root.path().join(&self.project)
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{S}", "image: {I}:plain, network_mode: none")
            .replace("{V}", "image: {I}:volume, network_mode: none")
            .replace("{I}", images::NAME)
            .replace("{D}", &self.directory().display().to_string())
            .replace("{P}", &self.project)
    }

    pub fn write(&self, files: Files) {
        for (path, content) in files {
            let path = self.directory().join(self.fill(path));
            fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            fs::write(path, self.fill(content)).expect("written");
        }
    }

    /// The words of a line, and the directory to run them in.
    pub fn words(&self, line: &str) -> (PathBuf, Vec<String>) {
        let line = self.fill(line);
        let (directory, line) = match line.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
            // Not by way of the project directory, which a row may have renamed.
            Some((below, rest)) => match below.strip_prefix("../") {
                Some(beside) => (self.root.path().join(beside), rest.to_owned()),
                None => (self.directory().join(below), rest.to_owned()),
            },
            None => (self.directory(), line),
        };
        (directory, shell_words::split(&line).expect("a line of a shell"))
    }

    /// Runs the real Compose, or whatever else the line says. Variables may stand in front, as in a shell.
    pub fn real(&self, line: &str, environment: &[(&str, &str)], stdin: &str) -> Ran {
        let (directory, mut words) = self.words(line);
        let mut all: Vec<(String, String)> = Vec::new();
        while let Some((name, value)) = words.first().and_then(|word| word.split_once('=')) {
            all.push((name.to_owned(), value.to_owned()));
            words.remove(0);
        }
        let mut command = match words.first().map(String::as_str) {
            Some(program @ ("docker" | "mv")) => {
                let mut command = Command::new(program);
                command.args(&words[1..]);
                command
            }
            Some("v1") => {
                let mut command = Command::new("/usr/bin/docker-compose");
                command.args(&words[1..]);
                command
            }
            _ => {
                let mut command = Command::new(&self.real);
                command.args(&words);
                command
            }
        };
        command.envs(machine::needed_by_v1()).envs(all).current_dir(directory);
        self.ran(command, environment, stdin)
    }

    /// Starts the real Compose and leaves it running.
    pub fn start(&self, line: &str) -> Child {
        let (directory, words) = self.words(line);
        let mut command = Command::new(&self.real);
        command.args(words).current_dir(directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// The effect that the plan of a line announces for a subject.
    pub fn planned(&self, line: &str, is: impl Fn(&Value) -> bool) -> Effect {
        let ran = self.safe(&["--safe-plan", "--safe-format=json"], line, &[], "");
        let plan: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("`{line}`: {ran:?}"));
        let impacts = plan["plan"]["impacts"].as_array().cloned().unwrap_or_default();
        let falling = impacts.iter().filter(|impact| is(&impact["subject"]));
        let effects = falling.map(|impact| effect(impact["effect"].as_str().unwrap_or_default()));
        effects.max().unwrap_or(Effect::None)
    }

    /// Runs safe-compose before the words of a line.
    pub fn safe(&self, first: &[&str], line: &str, environment: &[(&str, &str)], stdin: &str) -> Ran {
        let (directory, words) = self.words(line);
        let mut command = Command::new(env!("CARGO_BIN_EXE_safe-compose"));
        command.args(first).args(words).current_dir(directory).env("SAFE_COMPOSE_COMPOSE", &self.real);
        // Messages are searched for phrases, which a line break would cut.
        command.env("COLUMNS", "1000").env("XDG_STATE_HOME", self.root.path().join("state"));
        self.ran(command, environment, stdin)
    }

    fn ran(&self, mut command: Command, environment: &[(&str, &str)], stdin: &str) -> Ran {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("COMPOSE_") || name == "PWD" {
                command.env_remove(&*name);
            }
        }
        command.env_remove("SAFE_COMPOSE_DISPOSABLE");
        command.envs(environment.iter().map(|(name, value)| (name, self.fill(value))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut input = child.stdin.take().expect("piped");
        // A program that does not read is not at fault.
        let _ = input.write_all(self.fill(stdin).as_bytes());
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What a plan must not change: containers and their states, volumes, files.
    pub fn snapshot(&self) -> BTreeSet<String> {
        let mut all = self.engine_snapshot();
        files_below(self.root.path(), &mut all);
        all
    }

    /// Containers and their states, volumes.
    pub fn engine_snapshot(&self) -> BTreeSet<String> {
        let filter = engine::filters("name", &self.project);
        let containers = engine::get(&format!("/containers/json?all=1&{filter}")).expect("a list");
        let volumes = engine::get(&format!("/volumes?{filter}")).expect("a list");
        let container = |one: &Value| format!("{} {}", one["Id"], one["State"]);
        let volume = |one: &Value| one["Name"].to_string();
        let containers = containers.as_array().into_iter().flatten().map(container);
        let volumes = volumes["Volumes"].as_array().into_iter().flatten().map(volume);
        containers.chain(volumes).collect()
    }
}

fn files_below(directory: &Path, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        all.insert(entry.path().display().to_string());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files_below(&entry.path(), all);
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let filter = engine::filters("name", &self.project);
        let named = |path: &str| engine::get(&format!("{path}{filter}")).unwrap_or_default();
        let mut inherited = Vec::new();
        for one in named("/containers/json?all=1&").as_array().into_iter().flatten() {
            // An anonymous volume that a recreation has carried over does not go with its container.
            let mounts = one["Mounts"].as_array().into_iter().flatten();
            let found = mounts.filter_map(|mount| mount["Name"].as_str());
            inherited.extend(found.filter(|name| name.len() == 64).map(str::to_owned));
            engine::delete(&format!("/containers/{}?force=1&v=1", one["Id"].as_str().unwrap_or_default()));
        }
        for one in named("/volumes?")["Volumes"].as_array().into_iter().flatten() {
            engine::delete(&format!("/volumes/{}", one["Name"].as_str().unwrap_or_default()));
        }
        for name in inherited {
            engine::delete(&format!("/volumes/{name}"));
        }
        for one in named("/networks?").as_array().into_iter().flatten() {
            engine::delete(&format!("/networks/{}", one["Id"].as_str().unwrap_or_default()));
        }
        // Only the tags: the image is everybody's.
        for tag in [":app", "-db", "-db:kept", "/postgres:17", "/postgres:18"] {
            engine::delete(&format!("/images/{}{tag}", self.project));
        }
    }
}

/// Tries every line of a row, and fails with the name, the plan and what was seen.
#[track_caller]
pub fn check(name: &str, row: &Row) {
    let Some(trial) = Trial::new(row.compose, row.files) else { return };
    if machine::api_minor() < row.api {
        return unavailable(&format!("no engine with API 1.{}, which row {name} needs", row.api));
    }
    let wrong: Vec<String> = row.words.iter().filter_map(|line| attempt(&trial, row, line).err()).collect();
    assert!(!row.words.is_empty(), "{name} has no command");
    assert!(wrong.is_empty(), "\n=== row {name}\n{}", wrong.join("\n"));
}

fn attempt(trial: &Trial, row: &Row, line: &str) -> Result<(), String> {
    trial.write(row.files);
    for step in row.setup {
        works(trial, step)?;
    }
    let wanted = row.fates.iter().map(|(key, _)| {
        let (body, path) = key.split_once(':').expect("SERVICE:PATH");
        ((*key).to_owned(), Body::parse(&trial.fill(body), &trial.project), path.to_owned())
    });
    let places = places::write(wanted.collect());
    trial.write(row.changed);
    for step in row.before {
        works(trial, step)?;
    }

    let before = trial.snapshot();
    let planned = trial.safe(&["--safe-plan", "--safe-format=json"], line, row.environment, row.stdin);
    let changes: Vec<String> = trial.snapshot().symmetric_difference(&before).cloned().collect();
    let plan: Option<Value> = serde_json::from_str(&planned.stdout).ok();
    let ran = if row.through_us {
        trial.safe(&[], line, row.environment, row.stdin)
    } else {
        trial.real(line, row.environment, row.stdin)
    };
    for step in row.after {
        works(trial, step)?;
    }
    let looks: Vec<(Body, Body)> = row
        .looks
        .iter()
        .map(|(from, to)| {
            (Body::parse(&trial.fill(from), &trial.project), Body::parse(&trial.fill(to), &trial.project))
        })
        .collect();
    let fates = places::fates(&places, |body| {
        looks.iter().find(|(from, _)| from == body).map_or_else(|| body.clone(), |(_, to)| to.clone())
    });
    forget_anonymous(&places);

    let mut wrong = Vec::new();
    if !changes.is_empty() {
        wrong.push(format!("asking for the plan changed {changes:?}"));
    }
    let mut seen = String::new();
    let mut worst = Fate::Kept;
    for ((place, fate), (_, catalogued)) in places.iter().zip(&fates).zip(row.fates) {
        let predicted = plan.as_ref().map_or(Effect::None, |plan| predicted(plan, place));
        seen.push_str(&format!("  {:<24} {fate:?}, predicted {predicted:?}\n", place.key));
        worst = worst.max(*fate);
        if fate != catalogued {
            wrong.push(format!("{}: the catalogue says {catalogued:?}, seen {fate:?}", place.key));
        }
        if plan.is_some() && predicted < harm(*fate) {
            wrong.push(format!("{}: predicted {predicted:?}, happened {fate:?}", place.key));
        }
    }
    let asks = plan.as_ref().is_some_and(|plan| matches!(plan["worst"].as_str(), Some("orphan" | "destroy")));
    // No plan, said with an exit code of ours, is a refusal to run: safe, but a nuisance where nothing would happen.
    match (&plan, planned.code) {
        (None, 0) if worst > Fate::Kept => wrong.push("no plan, and data was lost".to_owned()),
        (None, 0) | (Some(_), _) => {}
        (None, code) if ran.code == 0 => wrong.push(format!("the plan fails with {code}, Compose does not")),
        (None, _) => {}
    }
    // What Compose refuses may be refused by us: nobody is kept from anything.
    if worst == Fate::Kept && asks && ran.code == 0 && row.conservative.is_none() {
        wrong.push("it would ask, and nothing happened".to_owned());
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "--- `{line}` {:?}\n{}\n{seen}  plan {}: {}{}\n  Compose {}: {}{}",
        row.environment,
        wrong.join("\n"),
        planned.code,
        plan.as_ref().map_or(planned.stdout, summary),
        planned.stderr,
        ran.code,
        ran.stdout,
        ran.stderr,
    ))
}

fn works(trial: &Trial, step: &str) -> Result<(), String> {
    let ran = trial.real(step, &[], "");
    if ran.code == 0 {
        return Ok(());
    }
    Err(format!("`{step}` failed with {}: {}{}", ran.code, ran.stdout, ran.stderr))
}

/// A plan in a few lines.
fn summary(plan: &Value) -> String {
    let impacts = plan["plan"]["impacts"].as_array().cloned().unwrap_or_default();
    impacts.iter().fold(format!("worst {}", plan["worst"]), |text, impact| {
        format!("{text}\n    {} {} {}", impact["effect"], impact["subject"], impact["reason"])
    })
}

/// The worst effect that the plan announces for a place.
fn predicted(plan: &Value, place: &Place) -> Effect {
    let impacts = plan["plan"]["impacts"].as_array().cloned().unwrap_or_default();
    let falls_on = |subject: &Value| match (subject["type"].as_str(), &place.behind) {
        (Some("volume"), Behind::Volume { name, .. }) => subject["name"] == name.as_str(),
        (Some("directory"), Behind::Directory(path)) => subject["path"] == path.as_str(),
        (Some("tmpfs"), Behind::Tmpfs) => {
            subject["container"] == place.container.as_str() && subject["path"] == place.path.as_str()
        }
        (Some("layer"), Behind::Layer) => subject["container"] == place.container.as_str(),
        _ => false,
    };
    impacts
        .iter()
        .filter(|impact| falls_on(&impact["subject"]))
        .map(|impact| effect(impact["effect"].as_str().unwrap_or_default()))
        .max()
        .unwrap_or(Effect::None)
}

fn effect(name: &str) -> Effect {
    match name {
        "destroy" => Effect::Destroy,
        "orphan" => Effect::Orphan,
        "interrupt" => Effect::Interrupt,
        _ => Effect::None,
    }
}

/// The least that has to be predicted for a fate.
fn harm(fate: Fate) -> Effect {
    match fate {
        Fate::Kept => Effect::None,
        Fate::Orphaned => Effect::Orphan,
        Fate::Deleted => Effect::Destroy,
    }
}

/// Anonymous volumes bear no name of ours, so the next line would not find them to remove.
fn forget_anonymous(places: &[Place]) {
    for place in places {
        if let Behind::Volume { name, anonymous: true, .. } = &place.behind {
            // Where a container still has it, the engine refuses; the container's end takes it along.
            engine::delete(&format!("/volumes/{name}"));
        }
    }
}
