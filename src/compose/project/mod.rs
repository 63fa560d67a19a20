//! What the project of a command is: its name, its directory and what its file says.
//!
//! The real Compose is asked (`config` with the same global words), so that files are merged and variables replaced by
//! the one program that will act on them. Its output holds secrets; it is never shown or kept.

mod environment;
mod hashes;
mod place;
mod render;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::binary::ComposeBinary;
use super::grammar::Grammar;
use super::invocation::{Caller, Reading};
use super::model::Model;
use crate::env::{self, Env};
use crate::process::{Capture, Output, Running};
pub use hashes::hashes;
use place::Place;
pub use place::{Sources, sources, with_override};

/// The project that a command acts on.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// As the engine's labels have it.
    pub name: String,
    /// Where relative paths of the file start.
    pub directory: PathBuf,
    /// The command reads no file: it acts on whatever carries the project's label (V2 with `-p` and without `-f`).
    pub label_mode: bool,
    /// What the file says, with the profiles of this command. `None` in label mode.
    pub model: Option<Model>,
    /// What the file says with every profile, and with volumes that no service uses. `None` in label mode, or when
    /// Compose would not show it.
    pub everything: Option<Model>,
    /// In label mode, what the file says that `up` with the same words would read. The command does not read it, so it
    /// may be another project's: good for advice, not for decisions.
    pub beside: Option<Model>,
    /// The `.env` file switches `COMPOSE_REMOVE_ORPHANS` on.
    pub removes_orphans: bool,
    /// Somebody has set `COMPOSE_API_VERSION`, in the environment or in the `.env` file.
    pub sets_api_version: bool,
    /// What Compose said on stderr while it was asked. It will say so again when it runs.
    pub warnings: Vec<String>,
}

/// The project of a command could not be told.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("cannot run `{}`", path.display())]
    Run {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is missing or wrong, in Compose's own words.
    #[error("{stderr}")]
    Refused { code: i32, stderr: String },
    #[error("the output of `config` makes no sense")]
    Unreadable(#[source] anyhow::Error),
}

/// Whether the files of a command come from its standard input, which must then be read before and passed on: `-` after
/// `-f`, or in `COMPOSE_FILE`.
pub fn reads_stdin(reading: &Reading, env: &Env) -> bool {
    Place::find(reading, env).reads_stdin()
}

impl Project {
    /// Asks the real Compose about the project of a command. `stdin` is what was read from the standard input, where
    /// [`reads_stdin`].
    pub fn read(
        binary: &ComposeBinary,
        reading: &Reading,
        env: &Env,
        stdin: Option<&[u8]>,
    ) -> Result<Self, ProjectError> {
        let place = Place::find(reading, env);
        let asker = Asker { binary, reading, stdin, place: &place };
        match reading.grammar {
            Grammar::V1 => asker.read_v1(),
            Grammar::V2 => asker.read_v2(env),
        }
    }
}

impl Project {
    /// The file with every profile, as far as it is known; what `up` would read, in label mode.
    pub fn whole_model(&self) -> Option<&Model> {
        self.everything.as_ref().or(self.model.as_ref())
    }

    /// What the file says about us. In label mode Compose reads no file, but a file that lies where we stand and has
    /// the same name still holds the settings of this project.
    pub fn settings(&self) -> Option<&serde_json::Value> {
        let beside = self.beside.as_ref().filter(|model| model.name.as_deref() == Some(&self.name));
        self.whole_model().or(beside).and_then(|model| model.settings.as_ref())
    }
}

struct Asker<'a> {
    binary: &'a ComposeBinary,
    reading: &'a Reading,
    stdin: Option<&'a [u8]>,
    place: &'a Place,
}

impl Asker<'_> {
    /// V1's `config` shows every profile, but neither the project's name nor any `x-` key.
    fn read_v1(&self) -> Result<Project, ProjectError> {
        let output = succeed(self.wait(self.start(&[], &["config"])?)?)?;
        let name = self.place.v1_name(self.reading.globals.project_name.as_deref());
        let value = serde_saphyr::from_slice(&output.stdout)
            .map_err(|error| ProjectError::Unreadable(error.into()))?;
        let mut everything = render::model(&value, Grammar::V1, &name);
        everything.settings = self.place.settings(self.stdin).map_err(ProjectError::Unreadable)?;
        let mut model = everything.clone();
        let enabled = self.place.profiles(&self.reading.globals);
        model.services.retain(|_, service| {
            service.profiles.is_empty() || service.profiles.iter().any(|profile| enabled.contains(profile))
        });
        Ok(Project {
            name,
            directory: self.place.directory.clone(),
            label_mode: false,
            model: Some(model),
            everything: Some(everything),
            beside: None,
            removes_orphans: self.place.remove_orphans,
            sets_api_version: self.place.sets_api_version,
            warnings: lines(&output.stderr),
        })
    }

    fn read_v2(&self, env: &Env) -> Result<Project, ProjectError> {
        let asked = self.start(&[], CONFIG)?;
        if let Some(name) = self.labels_at_once(env) {
            let beside = succeed(self.wait(asked)?).ok().and_then(|output| rendered(&output).ok());
            return Ok(self.by_label(&name, beside));
        }
        let everything = self.start(EVERYTHING, CONFIG)?;
        let mut output = self.wait(asked)?;
        let mut everything = self.wait(everything)?;
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
                // Whatever is wrong with the file, Compose falls back on this name.
                let by_label = self.by_label_otherwise();
                return by_label
                    .then_some(())
                    .and(self.place.project_name.as_deref())
                    .map_or(Err(error), |name| Ok(self.by_label(name, None)));
            }
        };
        let model = rendered(&output)?;
        let everything = succeed(everything).ok().and_then(|output| rendered(&output).ok());
        // A service that the file does not have is an error of the file as well (measured, 2.40.3).
        let known = everything.as_ref().unwrap_or(&model);
        let is_strange = |service: &String| !known.services.contains_key(service);
        if let Some(name) = &self.place.project_name
            && self.by_label_otherwise()
            && self.reading.operands.iter().any(is_strange)
        {
            return Ok(self.by_label(name, None));
        }
        Ok(Project {
            name: model.name.clone().unwrap_or_default(),
            directory: self.place.directory.clone(),
            label_mode: false,
            model: Some(model),
            everything,
            beside: None,
            removes_orphans: self.place.remove_orphans,
            sets_api_version: self.place.sets_api_version,
            warnings: lines(&output.stderr),
        })
    }

    fn by_label(&self, name: &str, beside: Option<Model>) -> Project {
        Project {
            name: name.to_lowercase(),
            directory: self.place.directory.clone(),
            label_mode: true,
            model: None,
            everything: None,
            beside,
            removes_orphans: self.place.remove_orphans,
            sets_api_version: self.place.sets_api_version,
            warnings: Vec::new(),
        }
    }

    /// The name of the project when the command goes by labels whatever file there is (`projectOrName` and
    /// `toProjectName` of 2.40.3, measured).
    fn labels_at_once(&self, env: &Env) -> Option<String> {
        let named = self.reading.globals.project_name.clone().filter(|name| !name.is_empty());
        match self.reading.subcommand.as_deref()? {
            "cp" => named.or_else(|| env.compose_project_name.clone()),
            _ if self.by_label_otherwise() && self.reading.globals.files.is_empty() => named,
            _ => None,
        }
    }

    /// Whether the command can do without a file.
    fn by_label_otherwise(&self) -> bool {
        let subcommand = self.reading.subcommand.as_deref();
        subcommand.is_some_and(|name| BY_LABEL.contains(&name))
    }

    /// `config` fails over a missing `env_file`, but `down` and its like do not need it.
    fn lacks_env_file(&self, output: &Output) -> bool {
        let said = String::from_utf8_lossy(&output.stderr);
        said.contains("env file") && said.contains("not found") && !self.place.reads_stdin()
    }

    /// Asks again with one more file that takes every `env_file` out.
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
            for file in &self.place.files {
                files.extend(["-f".into(), file.clone().into_os_string()]);
            }
        }
        files.extend(["-f".into(), "-".into()]);
        let ask = |more: &[&str]| {
            let args = self.args(&files, more, CONFIG);
            self.run(&args, Some(overlay.as_bytes()))
        };
        let (one, all) = (ask(&[])?, ask(EVERYTHING)?);
        Ok(Some((self.wait(one)?, self.wait(all)?)))
    }

    fn start(&self, globals: &[&str], command: &[&str]) -> Result<Running, ProjectError> {
        self.run(&self.args(&[], globals, command), self.stdin)
    }

    fn args(&self, files: &[OsString], globals: &[&str], command: &[&str]) -> Vec<OsString> {
        let mut args = self.reading.globals.argv.clone();
        args.extend_from_slice(files);
        args.extend(globals.iter().chain(command).map(OsString::from));
        args
    }

    fn run(&self, args: &[OsString], stdin: Option<&[u8]>) -> Result<Running, ProjectError> {
        // As a plugin, the words begin with docker's own: Compose understands those only as long as it knows its caller.
        let env_remove: &[&str] = match self.reading.caller {
            Caller::Person => &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
            Caller::Docker => &[env::PLUGIN_SOCKET],
        };
        Capture { program: &self.binary.path, args, env_remove, stdin }
            .start()
            .map_err(|source| ProjectError::Run { path: self.binary.path.clone(), source })
    }

    fn wait(&self, running: Running) -> Result<Output, ProjectError> {
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

/// The watched commands of V2 that go by labels when they have a name and no file.
const BY_LABEL: &[&str] = &["down", "stop", "rm", "start", "restart", "kill", "wait"];

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
