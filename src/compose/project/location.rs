//! Where a project's files are, by the rules of either Compose: neither prints it.
//!
//! V2's rules are from compose-go's `cli/options.go`, V1's from `compose/config/config.py` and `cli/command.py`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::environment::{EnvironmentReader, ProjectEnvironment};
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Globals, Reading};
use crate::env::Env;

/// The directory of a project and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProjectLocation {
    /// The base of relative paths in the files.
    pub(super) directory: PathBuf,
    /// In the order in which they are merged; `-` is standard input.
    pub(super) files: Vec<PathBuf>,
    /// `COMPOSE_PROJECT_NAME` from the environment, otherwise from the `.env` file.
    pub(super) project_name: Option<String>,
    /// `COMPOSE_REMOVE_ORPHANS` is on in the `.env` file, which V2 treats like its environment (measured).
    pub(super) remove_orphans: bool,
    /// `COMPOSE_API_VERSION` is set, in the environment or in the `.env` file.
    pub(super) sets_api_version: bool,
    /// `COMPOSE_PROFILES`, likewise.
    profiles: Vec<String>,
}

impl ProjectLocation {
    pub(super) fn find(reading: &Reading, env: &Env) -> Self {
        let globals = &reading.globals;
        let given = globals.project_directory.as_ref().map(|directory| env.absolute(directory));
        let beside_first = |files: &[PathBuf]| {
            files.iter().find(|file| is_local(file)).and_then(|file| file.parent()).map(Path::to_path_buf)
        };
        let said: Vec<PathBuf> = globals.files.iter().map(|file| resolve(env, file)).collect();
        let said = if said.is_empty() {
            env.compose_file.as_deref().map(|list| split(env, None, list))
        } else {
            Some(said)
        };

        let reader = EnvironmentReader { grammar: reading.grammar, globals, env };
        let mut environment = ProjectEnvironment::default();
        let first = match (reading.grammar, &given, said.as_deref()) {
            (Grammar::V2, Some(given), _) => Some(given.clone()),
            // Only `-f` counts here, not `COMPOSE_FILE`.
            (Grammar::V2, None, Some(said)) if !globals.files.is_empty() => beside_first(said),
            (Grammar::V2, None, _) => None,
            (Grammar::V1, given, said) => given.clone().or_else(|| said.and_then(beside_first)),
        };
        reader.read(first.as_deref().unwrap_or(&env.current_dir), &mut environment);

        let setting = |environment: &ProjectEnvironment, name| reader.setting(environment, name);
        let files = said
            .or_else(|| {
                let list = setting(&environment, "COMPOSE_FILE")?;
                Some(split(env, setting(&environment, "COMPOSE_PATH_SEPARATOR"), OsStr::new(&list)))
            })
            .unwrap_or_else(|| {
                let bases: &[&Path] = match (reading.grammar, &given) {
                    (_, None) => &[&env.current_dir],
                    (Grammar::V1, Some(given)) => &[&env.current_dir, given],
                    (Grammar::V2, Some(given)) => &[given],
                };
                bases
                    .iter()
                    .map(|base| search(reading.grammar, base))
                    .find(|files| !files.is_empty())
                    .unwrap_or_default()
            });
        let directory = given.or_else(|| beside_first(&files)).unwrap_or_else(|| env.current_dir.clone());
        if reading.grammar == Grammar::V2 {
            // The project's own directory may be another one than where Compose was started.
            reader.read(&directory, &mut environment);
        }
        let set = |name| reader.setting(&environment, name);
        Self {
            directory: tidy(&directory),
            files,
            remove_orphans: reading.grammar == Grammar::V2
                && set("COMPOSE_REMOVE_ORPHANS").is_some_and(|value| crate::env::is_on(&value)),
            sets_api_version: env.compose_api_version.is_some() || set("COMPOSE_API_VERSION").is_some(),
            project_name: env.compose_project_name.clone().or_else(|| set("COMPOSE_PROJECT_NAME")),
            profiles: env
                .compose_profiles
                .clone()
                .or_else(|| set("COMPOSE_PROFILES"))
                .map(|list| list.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }

    /// Whether a service may have a profile. An included file may have one although this says no.
    pub(super) fn may_have_profiles(&self) -> bool {
        let names_profiles = |file: &PathBuf| {
            fs::read(file).map_or(true, |bytes| memchr::memmem::find(&bytes, b"profiles").is_some())
        };
        self.files.is_empty() || self.files.iter().any(names_profiles)
    }

    /// Whether one of the files is standard input.
    pub(super) fn reads_stdin(&self) -> bool {
        self.files.iter().any(|file| file == Path::new("-"))
    }

    /// The name that V1 gives the project.
    pub(super) fn v1_name(&self, said: Option<&str>) -> String {
        let from_directory =
            || self.directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = said
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .or_else(|| self.project_name.clone())
            .unwrap_or_else(from_directory);
        if name.is_empty() {
            return "default".to_owned();
        }
        name.to_lowercase().chars().filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_')).collect()
    }

    /// The profiles that V1 enables.
    pub(super) fn profiles(&self, globals: &Globals) -> Vec<String> {
        if globals.profiles.is_empty() { self.profiles.clone() } else { globals.profiles.clone() }
    }

    /// `x-safe-compose` of the files, for a Compose that does not print it; later files win key by key.
    pub(super) fn settings(&self, stdin: Option<&[u8]>) -> anyhow::Result<Option<Value>> {
        let mut settings: Option<Value> = None;
        for file in &self.files {
            let bytes = match stdin {
                Some(bytes) if file == Path::new("-") => bytes.to_vec(),
                _ => fs::read(file)?,
            };
            let content: Value = serde_saphyr::from_slice(&bytes)?;
            if let Some(more) = content.get("x-safe-compose") {
                match &mut settings {
                    Some(settings) => merge(settings, more),
                    None => settings = Some(more.clone()),
                }
            }
        }
        Ok(settings)
    }
}

/// The files that a command of V2 would read, for reading them without Compose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pub directory: PathBuf,
    /// In the order in which they are merged; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The files with variables.
    pub env_files: Vec<PathBuf>,
}

/// The files that a command of V2 would read.
pub fn sources(reading: &Reading, env: &Env) -> Sources {
    let location = ProjectLocation::find(reading, env);
    let reader = EnvironmentReader { grammar: Grammar::V2, globals: &reading.globals, env };
    let env_files = reader.files(&location.directory);
    Sources { directory: location.directory, files: location.files, env_files }
}

/// A named file, with the override file that Compose would merge over it. An override file selects its base, and a
/// directory the files in it.
pub fn with_override(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let found = in_directory(Grammar::V2, path);
        return if found.is_empty() { vec![path.to_path_buf()] } else { found };
    }
    let (Some(name), Some(parent)) = (path.file_name().and_then(OsStr::to_str), path.parent()) else {
        return vec![path.to_path_buf()];
    };
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem = stem.strip_suffix(".override").unwrap_or(stem);
    let (names, _) = default_names(Grammar::V2);
    if !names.contains(&format!("{stem}.{extension}").as_str()) {
        return vec![path.to_path_buf()];
    }
    let found = in_directory(Grammar::V2, parent);
    if found.iter().any(|file| file == path) { found } else { vec![path.to_path_buf()] }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn resolve(env: &Env, file: &OsStr) -> PathBuf {
    let path = Path::new(file);
    if is_local(path) { env.absolute(path) } else { path.to_path_buf() }
}

/// Neither standard input nor a remote resource.
fn is_local(file: &Path) -> bool {
    let text = file.to_string_lossy();
    text != "-" && !text.contains("://") && !text.starts_with("git@")
}

fn split(env: &Env, separator: Option<String>, list: &OsStr) -> Vec<PathBuf> {
    let separator = env.compose_path_separator.clone().or(separator).unwrap_or_else(|| ":".to_owned());
    let list = list.to_string_lossy();
    list.split(&separator)
        .filter(|file| !file.is_empty())
        .map(|file| resolve(env, OsStr::new(file)))
        .collect()
}

/// The default names of a project's file and of its override file, the preferred first.
fn default_names(grammar: Grammar) -> ([&'static str; 4], [&'static str; 4]) {
    match grammar {
        Grammar::V1 => (
            ["docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"],
            [
                "docker-compose.override.yml",
                "docker-compose.override.yaml",
                "compose.override.yml",
                "compose.override.yaml",
            ],
        ),
        Grammar::V2 => (
            ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"],
            [
                "compose.override.yml",
                "compose.override.yaml",
                "docker-compose.override.yml",
                "docker-compose.override.yaml",
            ],
        ),
    }
}

/// The default files in a directory.
fn in_directory(grammar: Grammar, directory: &Path) -> Vec<PathBuf> {
    let (names, overrides) = default_names(grammar);
    let first = |names: [&str; 4]| names.iter().map(|name| directory.join(name)).find(|path| path.is_file());
    first(names).map_or_else(Vec::new, |file| std::iter::once(file).chain(first(overrides)).collect())
}

/// The default files in a directory, or in the nearest parent that has any.
fn search(grammar: Grammar, base: &Path) -> Vec<PathBuf> {
    let base = tidy(base);
    let mut found = base.ancestors().map(|directory| in_directory(grammar, directory));
    found.find(|files| !files.is_empty()).unwrap_or_default()
}

/// A path without `.` and `..`, computed from its text alone, as in both Composes.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                tidied.pop();
            }
            part => tidied.push(part),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::compose::invocation::Invocation;

    fn scratch(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, content) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("made");
            fs::write(path, content).expect("written");
        }
        directory
    }

    fn location(grammar: Grammar, line: &str, env: &Env) -> ProjectLocation {
        let words = line.split_whitespace().map(OsString::from).collect();
        ProjectLocation::find(&Invocation::parse(words).expect("sound").read(grammar), env)
    }

    #[test]
    fn the_nearest_default_file_above_decides() {
        let root =
            scratch(&[("app/compose.yml", ""), ("app/compose.override.yml", ""), ("app/sub/deep/x", "")]);
        let env = Env { current_dir: root.path().join("app/sub/deep"), ..Env::default() };
        let app = root.path().join("app");
        for grammar in [Grammar::V1, Grammar::V2] {
            let location = location(grammar, "up -d", &env);
            assert_eq!(location.directory, app);
            assert_eq!(location.files, [app.join("compose.yml"), app.join("compose.override.yml")]);
        }
    }

    #[test]
    fn the_two_composes_prefer_different_names() {
        let root = scratch(&[("compose.yaml", ""), ("docker-compose.yml", "")]);
        let env = Env { current_dir: root.path().into(), ..Env::default() };
        assert_eq!(location(Grammar::V1, "up -d", &env).files, [root.path().join("docker-compose.yml")]);
        assert_eq!(location(Grammar::V2, "up -d", &env).files, [root.path().join("compose.yaml")]);
    }

    #[test]
    fn what_is_said_counts_before_what_is_set() {
        let root = scratch(&[(
            ".env",
            "# x\nexport COMPOSE_FILE=\"../other/a.yml:b.yml\"\nCOMPOSE_PROJECT_NAME=Fenv # why\n",
        )]);
        let env = Env { current_dir: root.path().join("."), ..Env::default() };
        let from_file = location(Grammar::V2, "up -d", &env);
        assert_eq!(from_file.directory, root.path().parent().expect("not the root").join("other"));
        assert_eq!(from_file.project_name.as_deref(), Some("Fenv"));
        assert_eq!(from_file.files.len(), 2);

        let set = Env {
            compose_file: Some("c/c.yml".into()),
            compose_project_name: Some("set".into()),
            ..env.clone()
        };
        assert_eq!(location(Grammar::V2, "up -d", &set).directory, root.path().join("c"));
        assert_eq!(location(Grammar::V2, "up -d", &set).project_name.as_deref(), Some("set"));
        assert_eq!(location(Grammar::V2, "-f d/x.yml up", &set).directory, root.path().join("d"));
        assert_eq!(
            location(Grammar::V2, "-f d/x.yml --project-directory e up", &set).directory,
            root.path().join("e")
        );
        assert_eq!(location(Grammar::V2, "-f - up", &set).directory, root.path());
        let disabled = Env { compose_disable_env_file: true, ..env };
        assert_eq!(location(Grammar::V2, "up -d", &disabled).project_name, None);
    }

    #[test]
    fn an_api_version_that_somebody_has_set_is_known() {
        let root = scratch(&[("set/.env", "COMPOSE_API_VERSION=1.41\n"), ("unset/.env", "A=b\n")]);
        let env = |below: &str| Env { current_dir: root.path().join(below), ..Env::default() };
        assert!(location(Grammar::V1, "up -d", &env("set")).sets_api_version);
        assert!(!location(Grammar::V1, "up -d", &env("unset")).sets_api_version);
        let by_hand = Env { compose_api_version: Some("1.41".into()), ..env("unset") };
        assert!(location(Grammar::V1, "up -d", &by_hand).sets_api_version);
    }

    #[test]
    fn v2_takes_a_switch_from_the_env_file() {
        let root = scratch(&[(".env", "COMPOSE_REMOVE_ORPHANS=1\n")]);
        let env = Env { current_dir: root.path().into(), ..Env::default() };
        assert!(location(Grammar::V2, "up -d", &env).remove_orphans);
        assert!(!location(Grammar::V1, "up -d", &env).remove_orphans);
        let disabled = Env { compose_disable_env_file: true, ..env };
        assert!(!location(Grammar::V2, "up -d", &disabled).remove_orphans);
        for text in [
            "A=1\nCOMPOSE_REMOVE_ORPHANS=${A}\n",
            "COMPOSE_REMOVE_ORPHANS: 1\n",
            "COMPOSE_REMOVE_ORPHANS=${B:-t}",
        ] {
            let root = scratch(&[(".env", text)]);
            let env = Env { current_dir: root.path().into(), ..Env::default() };
            assert!(location(Grammar::V2, "up -d", &env).remove_orphans, "{text:?}");
        }
    }

    #[test]
    fn v1_names_a_project_by_its_own_rule() {
        let root = scratch(&[("My.App v2/docker-compose.yml", "")]);
        let env = Env { current_dir: root.path().join("My.App v2"), ..Env::default() };
        let location = location(Grammar::V1, "up -d", &env);
        assert_eq!(location.v1_name(None), "myappv2");
        assert_eq!(location.v1_name(Some("")), "myappv2");
        assert_eq!(location.v1_name(Some("=A_b-C")), "a_b-c");
    }

    #[test]
    fn settings_of_several_files_are_merged() {
        let root = scratch(&[
            ("a.yml", "x-safe-compose: {backup: {directory: ./a, keep: {last: 1}}}\n"),
            ("b.yml", "x-safe-compose: {backup: {directory: ./b}}\nservices: {}\n"),
        ]);
        let env = Env { current_dir: root.path().into(), ..Env::default() };
        let settings = location(Grammar::V1, "-f a.yml -f b.yml up", &env).settings(None).expect("readable");
        assert_eq!(settings, Some(serde_json::json!({"backup": {"directory": "./b", "keep": {"last": 1}}})));
        assert_eq!(
            location(Grammar::V1, "-f - up", &env).settings(Some(b"services: {}")).expect("readable"),
            None
        );
    }
}
