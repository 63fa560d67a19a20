//! Settings that run programs or contact hosts, and the digest of all of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::display;
use crate::fs::{Digest, sha256_of};

/// What a setting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingAction {
    /// It runs a program on this machine.
    Runs,
    /// It runs a program in a container.
    RunsInContainer,
    /// It connects to a host.
    Contacts,
    /// It decides how one of the others acts.
    Sets,
}

/// A setting that acts.
#[derive(Debug, Clone, PartialEq)]
pub struct ActingSetting {
    label: String,
    action: SettingAction,
    /// As in the file, with sorted keys.
    value: Value,
    /// The SHA-256 of the script that a command runs, if it is in the project: a change of it is a change of the command.
    scripts: BTreeMap<String, String>,
}

/// The settings of a project that act, by their labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ActingSettings(BTreeMap<String, ActingSetting>);

impl ActingSetting {
    /// `label` is where the setting is: `hooks.on_loss`. Scripts are looked for in the project's directory.
    pub fn new(label: impl Into<String>, action: SettingAction, mut value: Value, directory: &Path) -> Self {
        value.sort_all_objects();
        let mut scripts = BTreeMap::new();
        if matches!(action, SettingAction::Runs) {
            for command in commands(&value) {
                scripts.extend(script(&command, directory));
            }
        }
        Self { label: label.into(), action, value, scripts }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn action(&self) -> SettingAction {
        self.action
    }

    /// The digest of this setting alone.
    pub(super) fn digest(&self) -> String {
        Digest::of(self.canonical().to_string().as_bytes()).to_string()
    }

    fn canonical(&self) -> Value {
        json!([self.label, self.value, self.scripts])
    }

    /// What it does, for people: ``runs `./report --json` ``. Has no control characters and no secrets.
    pub fn description(&self) -> String {
        let verb = match self.action {
            SettingAction::Runs => "runs",
            SettingAction::RunsInContainer => "runs in the container",
            SettingAction::Contacts => "contacts",
            SettingAction::Sets => "is",
        };
        let mut described = format!("{verb} `{}`", self.subject());
        if let Some(options) = self.options() {
            described.push_str(&format!(" ({options})"));
        }
        described
    }

    /// The program or the host.
    fn subject(&self) -> String {
        let command = commands(&self.value).into_iter().next();
        match (self.action, command, &self.value) {
            (SettingAction::RunsInContainer, _, Value::String(text)) => display::printable(text),
            (SettingAction::Runs | SettingAction::RunsInContainer, Some(words), _) => {
                display::command_line(words.iter().map(String::as_str))
            }
            (SettingAction::Contacts, _, Value::String(url)) => display::host_of(url),
            (SettingAction::Contacts, _, Value::Object(entries)) => {
                display::host_of(entries.get("url").and_then(Value::as_str).unwrap_or_default())
            }
            (_, _, Value::String(text)) => display::printable(text),
            (_, _, value) => display::printable(&value.to_string()),
        }
    }

    /// The other entries of a setting with several.
    fn options(&self) -> Option<String> {
        let Value::Object(entries) = &self.value else { return None };
        let others = entries.iter().filter(|(key, _)| !matches!(key.as_str(), "run" | "url"));
        let others: Vec<String> = others
            .map(|(key, value)| match value {
                Value::String(text) => format!("{key}: {text}"),
                value => format!("{key}: {value}"),
            })
            .map(|option| display::printable(&option))
            .collect();
        (!others.is_empty()).then(|| others.join(", "))
    }
}

impl ActingSettings {
    pub fn add(&mut self, setting: ActingSetting) {
        self.0.insert(setting.label.clone(), setting);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &ActingSetting> {
        self.0.values()
    }

    /// The digest of all of them, which an agreement is for. It does not depend on where the project is, so that it is the
    /// same in each checkout.
    pub fn digest(&self) -> String {
        let all: Vec<Value> = self.iter().map(ActingSetting::canonical).collect();
        Digest::of(json!(["safe-compose-trust", 1, all]).to_string().as_bytes()).to_string()
    }
}

/// The commands in a setting: lists of words, and texts that are called `command`.
fn commands(value: &Value) -> Vec<Vec<String>> {
    match value {
        Value::Array(items) => {
            let words: Option<Vec<String>> =
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            match words {
                Some(words) if !words.is_empty() => vec![words],
                Some(_) | None => items.iter().flat_map(commands).collect(),
            }
        }
        Value::Object(entries) => {
            let is_program = |key: &str| key == "run" || key.ends_with("command");
            entries.iter().filter(|(key, _)| is_program(key)).flat_map(|(_, value)| commands(value)).collect()
        }
        Value::String(text) => vec![vec![text.clone()]],
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The first word of a command that names a file of the project, with the file's digest. A bare name in the first place is
/// a program of `PATH`.
fn script(words: &[String], directory: &Path) -> Option<(String, String)> {
    let base = directory.canonicalize().ok()?;
    words.iter().enumerate().find_map(|(number, word)| {
        if number == 0 && !word.contains('/') {
            return None;
        }
        let path = base.join(word).canonicalize().ok()?;
        if !path.starts_with(&base) || !path.is_file() {
            return None;
        }
        let digest =
            sha256_of(&path).map_or_else(|_| "unreadable".to_owned(), |(_, digest)| digest.to_string());
        Some((word.clone(), digest))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn acting(value: &Value, directory: &Path) -> ActingSettings {
        ActingSettings::of_file(Some(value), directory)
    }

    fn digest(value: &Value) -> String {
        acting(value, Path::new("/nonexistent")).digest()
    }

    #[test]
    fn the_digest_is_of_what_acts() {
        let one = json!({ "hooks": { "on_loss": { "run": ["a"], "timeout": "5s" }, "on_refusal": ["b"] } });
        let same = json!({ "guard": {}, "hooks": { "on_refusal": ["b"], "on_loss": { "timeout": "5s", "run": ["a"] } } });
        assert_eq!(digest(&one), digest(&same));
        for other in [
            json!({ "hooks": { "on_loss": { "run": ["a"], "timeout": "6s" }, "on_refusal": ["b"] } }),
            json!({ "hooks": { "on_loss": { "run": ["a"], "timeout": "5s" } } }),
            json!({ "hooks": { "on_failure": { "run": ["a"], "timeout": "5s" }, "on_refusal": ["b"] } }),
            json!({ "hooks": { "on_loss": { "run": ["a", ""], "timeout": "5s" }, "on_refusal": ["b"] } }),
        ] {
            assert_ne!(digest(&one), digest(&other), "{other}");
        }
        assert_eq!(digest(&one).len(), 64);
    }

    #[test]
    fn a_script_of_the_project_is_part_of_the_digest() {
        let project = tempfile::tempdir().expect("a directory");
        let script = project.path().join("hook.sh");
        for command in
            [json!(["./hook.sh"]), json!(["sh", "-e", "hook.sh", "x"]), json!({ "run": ["./hook.sh"] })]
        {
            let settings = json!({ "hooks": { "on_loss": command } });
            fs::write(&script, "echo one").expect("written");
            let before = acting(&settings, project.path()).digest();
            assert_eq!(before, acting(&settings, project.path()).digest());
            fs::write(&script, "echo two").expect("written");
            assert_ne!(before, acting(&settings, project.path()).digest(), "{settings}");
        }
    }

    #[test]
    fn files_elsewhere_and_programs_of_the_path_are_no_scripts() {
        let (project, elsewhere) = (tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"));
        let other = elsewhere.path().join("other");
        fs::write(&other, "").expect("written");
        fs::write(project.path().join("sh"), "").expect("written");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(script(&words(&["sh", &other.display().to_string(), ".."]), project.path()), None);
        assert!(script(&words(&["./sh"]), project.path()).is_some());
    }

    #[test]
    fn a_description_says_what_is_run_and_contacted() {
        let settings = json!({
            "backup": { "repository": { "url": "rest:https://me:hunter2@host/r", "password_file": "~/.pw" } },
            "hooks": { "on_loss": { "run": ["mail", "-s", "lost data", "me"], "timeout": "5s" }, "on_refusal": ["./a\u{1b}[8m"] },
            "notify": [{ "kind": "ntfy", "url": "https://ntfy.example/topic", "token_env": "NTFY" }],
        });
        let described: Vec<String> = acting(&settings, Path::new("/nonexistent"))
            .iter()
            .map(|setting| format!("{}: {}", setting.label(), setting.description()))
            .collect();
        insta::assert_snapshot!(described.join("\n"), @r"
        backup.repository.password_file: is `~/.pw`
        backup.repository.url: contacts `rest:https://…@host/r`
        hooks.on_loss: runs `mail -s 'lost data' me` (timeout: 5s)
        hooks.on_refusal: runs `'./a\u{1b}[8m'`
        notify[0]: contacts `https://ntfy.example/…` (kind: ntfy, token_env: NTFY)
        ");
    }
}
