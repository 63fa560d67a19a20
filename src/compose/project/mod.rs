//! The project of a command: its name, its directory and its file.
//!
//! The real Compose renders the file (`config` with the same global flags), so that the program that will act on it merges
//! the files and replaces the variables. Its output contains secrets; it is never shown, and stored only where nothing but
//! its own inputs can decrypt it (`cache`).

mod cache;
mod environment;
mod hashes;
mod inputs;
mod location;
mod render;
mod unread;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::actions::FileUse;
use super::binary::ComposeBinary;
use super::grammar::Grammar;
use super::invocation::{Caller, Reading};
use super::model::{DeclaredSource, Model};
use crate::env::{self, Env};
use crate::process::{Capture, Output, Running};
pub use cache::RenderCache;
pub use hashes::{hashes, resolved_hashes};
use location::ProjectLocation;
pub use location::{sources, with_override};
pub use unread::unread_overrides;

/// The project that a command acts on.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// As in the engine's labels.
    pub name: String,
    /// The base of relative paths in the file.
    pub directory: PathBuf,
    /// The files that are read, in the order in which they are merged; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The command reads no file: it acts on everything with the project's label (V2 with `-p` and without `-f`).
    pub label_mode: bool,
    /// The file with the profiles of this command. `None` in label mode.
    pub model: Option<Model>,
    /// The file with every profile, and with volumes that no service uses. `None` in label mode, or when Compose does not
    /// print it.
    pub everything: Option<Model>,
    /// In label mode, the file that `up` with the same global flags would read, or the one that the project's containers
    /// were created from. The command does not read it: it has the project's settings, and decides nothing else.
    pub nearby: Option<Model>,
    /// The `.env` file switches `COMPOSE_REMOVE_ORPHANS` on.
    pub removes_orphans: bool,
    /// `COMPOSE_API_VERSION` is set in the environment or in the `.env` file.
    pub sets_api_version: bool,
    /// What Compose printed on stderr. It prints the same again when it runs.
    pub warnings: Vec<String>,
}

/// Why the project of a command cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("cannot run `{}`", path.display())]
    Run {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is missing or invalid; the message is Compose's.
    #[error("{stderr}")]
    Refused { code: i32, stderr: String },
    #[error("the output of `config` cannot be parsed")]
    Unreadable(#[source] anyhow::Error),
}

/// Whether a command reads its file from standard input, which must then be read first and passed on: `-` after `-f`, or
/// in `COMPOSE_FILE`.
pub fn reads_stdin(reading: &Reading, env: &Env) -> bool {
    ProjectLocation::find(reading, env).reads_stdin()
}

impl Project {
    /// Asks the real Compose about the project of a command. `stdin` is the content of standard input, where
    /// [`reads_stdin`].
    pub fn read(
        binary: &ComposeBinary,
        reading: &Reading,
        env: &Env,
        stdin: Option<&[u8]>,
    ) -> Result<Self, ProjectError> {
        let location = ProjectLocation::find(reading, env);
        Asker { binary, reading, stdin, location: &location, cache: None }.read(env)
    }

    /// The same with what Compose has printed before, if nothing has changed since. Puts the cache into `slot`, so that new
    /// answers can be kept with [`RenderCache::keep`].
    pub fn read_with_cache(
        binary: &ComposeBinary,
        reading: &Reading,
        env: &Env,
        stdin: Option<&[u8]>,
        slot: &OnceLock<Option<RenderCache>>,
    ) -> Result<Self, ProjectError> {
        let location = ProjectLocation::find(reading, env);
        // A second read of the same command begins with what is known by then.
        let cache = if slot.get().is_some() {
            None
        } else {
            slot.get_or_init(|| RenderCache::open(binary, reading, env, &location)).as_ref()
        };
        Asker { binary, reading, stdin, location: &location, cache }.read(env)
    }

    /// A project of which only the name is known, and where its backups are.
    pub fn by_name(name: &str, directory: &Path) -> Self {
        Self {
            name: name.to_owned(),
            directory: directory.to_owned(),
            files: Vec::new(),
            label_mode: true,
            model: None,
            everything: None,
            nearby: None,
            removes_orphans: false,
            sets_api_version: false,
            warnings: Vec::new(),
        }
    }

    /// The file with every profile, as far as it is known.
    pub fn whole_model(&self) -> Option<&Model> {
        self.everything.as_ref().or(self.model.as_ref())
    }

    /// The file's `x-safe-compose`. In label mode Compose reads no file, but the project still has its settings there.
    pub fn settings(&self) -> Option<&serde_json::Value> {
        let nearby = self.nearby.as_ref().filter(|model| model.name.as_deref() == Some(&self.name));
        self.whole_model().or(nearby).and_then(|model| model.settings.as_ref())
    }
}

struct Asker<'a> {
    binary: &'a ComposeBinary,
    reading: &'a Reading,
    stdin: Option<&'a [u8]>,
    location: &'a ProjectLocation,
    cache: Option<&'a RenderCache>,
}

/// A question that Compose is working on, or has answered before.
enum Asked {
    Answered(Output),
    Running { args: Vec<OsString>, running: Box<Running> },
}

impl Asker<'_> {
    fn read(&self, env: &Env) -> Result<Project, ProjectError> {
        match self.reading.grammar {
            Grammar::V1 => self.read_v1(),
            Grammar::V2 => self.read_v2(env),
        }
    }

    /// V1's `config` shows every profile, but neither the project's name nor any `x-` key.
    fn read_v1(&self) -> Result<Project, ProjectError> {
        let output = succeed(self.wait(self.start(&[], &["config"])?)?)?;
        let name = self.location.v1_name(self.reading.globals.project_name.as_deref());
        let value = serde_saphyr::from_slice(&output.stdout)
            .map_err(|error| ProjectError::Unreadable(error.into()))?;
        let mut everything = render::model(&value, Grammar::V1, &name);
        everything.settings = self.location.settings(self.stdin).map_err(ProjectError::Unreadable)?;
        let mut model = everything.clone();
        let enabled = self.location.profiles(&self.reading.globals);
        model.services.retain(|_, service| {
            service.profiles.is_empty() || service.profiles.iter().any(|profile| enabled.contains(profile))
        });
        Ok(Project {
            name,
            directory: self.location.directory.clone(),
            files: self.location.files.clone(),
            label_mode: false,
            model: Some(model),
            everything: Some(everything),
            nearby: None,
            removes_orphans: self.location.remove_orphans,
            sets_api_version: self.location.sets_api_version,
            warnings: lines(&output.stderr),
        })
    }

    fn read_v2(&self, env: &Env) -> Result<Project, ProjectError> {
        if let Some(name) = self.label_mode_name(env) {
            let asked = self.start(&[], CONFIG)?;
            let nearby = succeed(self.wait(asked)?).ok().and_then(|output| rendered(&output).ok());
            return Ok(self.by_label(&name, nearby));
        }
        // Two answers take longer than one even where they are computed at the same time.
        let asked = if self.location.may_have_profiles() { Some(self.start(&[], CONFIG)?) } else { None };
        let mut everything = self.wait(self.start(EVERYTHING, CONFIG)?)?;
        if asked.is_none()
            && everything.code == 0
            && let Ok(all) = rendered(&everything)
            && let Some(model) = without_unused(&all)
        {
            return Ok(self.by_file(model, Some(all), lines(&everything.stderr)));
        }
        let asked = match asked {
            Some(asked) => asked,
            None => self.start(&[], CONFIG)?,
        };
        let mut output = self.wait(asked)?;
        if output.code != 0
            && self.lacks_env_file(&output)
            && let Some((one, all)) = self.without_env_files()?
        {
            (output, everything) = (one, all);
        }
        // Versions before `--all-resources` refuse it.
        if output.code == 0 && everything.code != 0 {
            everything = self.wait(self.start(&["--profile=*"], CONFIG)?)?;
        }
        let output = match succeed(output) {
            Ok(output) => output,
            Err(error) => {
                // If the file is invalid, Compose falls back on this name.
                let by_label = self.can_use_labels();
                return by_label
                    .then_some(())
                    .and(self.location.project_name.as_deref())
                    .map_or(Err(error), |name| Ok(self.by_label(name, None)));
            }
        };
        let model = rendered(&output)?;
        let everything = succeed(everything).ok().and_then(|output| rendered(&output).ok());
        Ok(self.by_file(model, everything, lines(&output.stderr)))
    }

    fn by_file(&self, model: Model, everything: Option<Model>, warnings: Vec<String>) -> Project {
        // A service that is not in the file is an error of the file as well (measured, 2.40.3).
        let known = everything.as_ref().unwrap_or(&model);
        let is_missing = |service: &&str| !known.services.contains_key(*service);
        if let Some(name) = &self.location.project_name
            && self.can_use_labels()
            && self.reading.named_services().iter().any(is_missing)
        {
            return self.by_label(name, None);
        }
        Project {
            name: model.name.clone().unwrap_or_default(),
            directory: self.location.directory.clone(),
            files: self.location.files.clone(),
            label_mode: false,
            model: Some(model),
            everything,
            nearby: None,
            removes_orphans: self.location.remove_orphans,
            sets_api_version: self.location.sets_api_version,
            warnings,
        }
    }

    fn by_label(&self, name: &str, nearby: Option<Model>) -> Project {
        Project {
            name: name.to_lowercase(),
            directory: self.location.directory.clone(),
            files: Vec::new(),
            label_mode: true,
            model: None,
            everything: None,
            nearby,
            removes_orphans: self.location.remove_orphans,
            sets_api_version: self.location.sets_api_version,
            warnings: Vec::new(),
        }
    }

    /// The name of the project if the command uses labels whether or not there is a file (`projectOrName` and
    /// `toProjectName` of 2.40.3, measured).
    fn label_mode_name(&self, env: &Env) -> Option<String> {
        let named = self.reading.globals.project_name.clone().filter(|name| !name.is_empty());
        match self.reading.file_use() {
            FileUse::IgnoredWithName => named.or_else(|| env.compose_project_name.clone()),
            FileUse::Optional => named.filter(|_| self.reading.globals.files.is_empty()),
            FileUse::Required => None,
        }
    }

    /// Whether the command works without a file.
    fn can_use_labels(&self) -> bool {
        self.reading.file_use() == FileUse::Optional
    }

    /// `config` fails if an `env_file` is missing, but commands such as `down` do not need it.
    fn lacks_env_file(&self, output: &Output) -> bool {
        let said = String::from_utf8_lossy(&output.stderr);
        said.contains("env file") && said.contains("not found") && !self.location.reads_stdin()
    }

    /// Asks again with an additional file that removes every `env_file`.
    fn without_env_files(&self) -> Result<Option<(Output, Output)>, ProjectError> {
        let services = self.wait(self.start(&["--profile=*"], &["config", "--services"])?)?;
        if services.code != 0 {
            return Ok(None);
        }
        let mut overlay = String::from("services:\n");
        for name in lines(&services.stdout) {
            // A JSON string is one in YAML too.
            let _ = writeln!(overlay, "  {}: {{ env_file: !reset null }}", serde_json::Value::from(name));
        }
        let mut files = Vec::new();
        if self.reading.globals.files.is_empty() {
            for file in &self.location.files {
                files.extend(["-f".into(), file.clone().into_os_string()]);
            }
        }
        files.extend(["-f".into(), "-".into()]);
        let ask = |more: &[&str]| {
            let args = self.args(&files, more, CONFIG);
            self.run(&args, Some(overlay.as_bytes()))
        };
        let (one, all) = (ask(&[])?, ask(EVERYTHING)?);
        Ok(Some((self.end(one)?, self.end(all)?)))
    }

    fn start(&self, globals: &[&str], command: &[&str]) -> Result<Asked, ProjectError> {
        let args = self.args(&[], globals, command);
        if let Some(output) = self.cache.and_then(|cache| cache.answer(&args)) {
            return Ok(Asked::Answered(output));
        }
        let running = Box::new(self.run(&args, self.stdin)?);
        Ok(Asked::Running { args, running })
    }

    fn args(&self, files: &[OsString], globals: &[&str], command: &[&str]) -> Vec<OsString> {
        let mut args = self.reading.globals.argv.clone();
        args.extend_from_slice(files);
        args.extend(globals.iter().chain(command).map(OsString::from));
        args
    }

    fn run(&self, args: &[OsString], stdin: Option<&[u8]>) -> Result<Running, ProjectError> {
        // As a plugin, the arguments begin with those of docker, which Compose accepts only from `docker`.
        let env_remove: &[&str] = match self.reading.caller {
            Caller::Person => &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
            Caller::Docker => &[env::PLUGIN_SOCKET],
        };
        Capture { program: &self.binary.path, args, env_remove, stdin }
            .start()
            .map_err(|source| ProjectError::Run { path: self.binary.path.clone(), source })
    }

    /// The answer to a question about the file alone, which may be kept.
    fn wait(&self, asked: Asked) -> Result<Output, ProjectError> {
        match asked {
            Asked::Answered(output) => Ok(output),
            Asked::Running { args, running } => {
                let output = self.end(*running)?;
                if let Some(cache) = self.cache {
                    cache.add(&args, &output);
                }
                Ok(output)
            }
        }
    }

    fn end(&self, running: Running) -> Result<Output, ProjectError> {
        running.wait().map_err(|source| ProjectError::Run { path: self.binary.path.clone(), source })
    }
}

const CONFIG: &[&str] = &["config", "--format", "json"];
const EVERYTHING: &[&str] = &["--profile=*", "--all-resources"];

fn rendered(output: &Output) -> Result<Model, ProjectError> {
    let value =
        serde_json::from_slice(&output.stdout).map_err(|error| ProjectError::Unreadable(error.into()))?;
    Ok(render::model(&value, Grammar::V2, ""))
}

/// What `config` prints without [`EVERYTHING`], if that follows from what it prints with it: no service has a profile, so
/// only volumes that no service mounts are left out.
fn without_unused(everything: &Model) -> Option<Model> {
    if everything.services.values().any(|service| !service.profiles.is_empty()) {
        return None;
    }
    let mut model = everything.clone();
    let mounts = || everything.services.values().flat_map(|service| &service.mounts);
    model.volumes.retain(|key, _| {
        mounts().any(|mount| matches!(&mount.source, DeclaredSource::Named { key: used, .. } if used == key))
    });
    Some(model)
}

fn succeed(output: Output) -> Result<Output, ProjectError> {
    if output.code == 0 {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ProjectError::Refused { code: output.code, stderr })
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).collect()
}
