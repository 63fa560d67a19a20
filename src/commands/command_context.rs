//! The invocation of a command: everything that is known before anything is read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::event_record::EventRecord;
use super::mode::Apply;
use super::own_record::OwnRecord;
use crate::compose::binary::ComposeBinary;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Reading, SafeFlags};
use crate::compose::project::{Project, ProjectError, RenderCache};
use crate::compose::subcommand::Subcommand;
use crate::env::Env;
use crate::suggest::Suggest;
use crate::ui::Ui;

/// Which engine a command uses.
#[derive(Clone)]
pub enum EngineSource {
    /// The one that the global flags, the environment or the Docker context name.
    Docker,
    /// This one, whatever the command names.
    #[cfg(any(test, feature = "internals"))]
    Given(std::sync::Arc<dyn crate::engine::Engine>),
}

/// The invocation: everything that is known before anything is read.
pub struct CommandContext {
    pub env: Env,
    pub ui: Ui,
    pub engine: EngineSource,
    pub binary: ComposeBinary,
    pub grammar: Grammar,
    pub reading: Reading,
    pub safe: SafeFlags,
    pub suggest: Suggest,
    /// The content of standard input, if Compose reads its file from there.
    pub stdin: Option<Vec<u8>>,
    /// The arguments for Compose.
    pub words: Vec<OsString>,
    /// The arguments as typed.
    pub typed: Vec<OsString>,
    /// What the journal will say of a command of our own.
    pub record: OwnRecord,
    /// What is reported to the hooks of the project.
    pub events: EventRecord,
    /// What Compose printed for the project, once it was read.
    pub rendered: RenderedConfig,
}

/// Filled when the project is read.
pub type RenderedConfig = Arc<OnceLock<Option<RenderCache>>>;

impl CommandContext {
    /// Reads the project's file through the real Compose.
    pub fn project(&self) -> Result<Project, ProjectError> {
        Project::read(&self.binary, &self.reading, &self.env, self.stdin.as_deref())
    }

    /// Reads the project that was created from these files in this directory.
    pub(super) fn project_at(&self, directory: &Path, files: &[PathBuf]) -> Result<Project, ProjectError> {
        Project::read(&self.binary, &self.reading_at(directory, files), &self.env, None)
    }

    fn reading_at(&self, directory: &Path, files: &[PathBuf]) -> Reading {
        let mut reading = self.reading.clone();
        let globals = &mut reading.globals;
        globals.project_directory = Some(directory.into());
        globals.argv.extend(["--project-directory".into(), directory.into()]);
        for file in files {
            globals.files.push(file.into());
            globals.argv.extend(["-f".into(), file.into()]);
        }
        reading
    }

    /// The same command for one of the projects of an engine, which prints to `ui` and has a journal entry of its own.
    pub(super) fn for_project(&self, name: &str, ui: &Ui) -> Self {
        let mut reading = self.reading.clone();
        reading.globals.project_name = Some(name.to_owned());
        reading.globals.argv.extend(["-p".into(), name.into()]);
        Self {
            // What they name is the project of the current directory.
            env: Env { compose_file: None, compose_project_name: None, ..self.env.clone() },
            ui: ui.clone(),
            engine: self.engine.clone(),
            binary: self.binary.clone(),
            grammar: self.grammar,
            reading,
            safe: self.safe.clone(),
            suggest: self.suggest.for_project(name),
            stdin: None,
            words: self.words.clone(),
            typed: self.typed.clone(),
            record: OwnRecord::default(),
            events: EventRecord::default(),
            rendered: RenderedConfig::default(),
        }
    }

    /// The same in another thread, so that this one can do something else.
    pub(super) async fn project_in_background(&self) -> Result<Project, ProjectError> {
        let (binary, reading) = (self.binary.clone(), self.reading.clone());
        let (env, stdin, cache) = (self.env.clone(), self.stdin.clone(), Arc::clone(&self.rendered));
        let reading = move || Project::read_with_cache(&binary, &reading, &env, stdin.as_deref(), &cache);
        tokio::task::spawn_blocking(reading).await.unwrap_or_else(|error| {
            Err(ProjectError::Run { path: self.binary.path.clone(), source: std::io::Error::other(error) })
        })
    }

    /// Keeps what Compose printed for the next command, in another thread.
    pub(super) fn keep_rendered(&self, _: Apply) {
        let cache = Arc::clone(&self.rendered);
        tokio::task::spawn_blocking(move || {
            if let Some(Some(cache)) = cache.get() {
                cache.keep();
            }
        });
    }

    /// [`CommandContext::project_at`] in another thread.
    pub(super) async fn project_at_in_background(
        &self,
        directory: &Path,
        files: &[PathBuf],
    ) -> Result<Project, ProjectError> {
        let (binary, env) = (self.binary.clone(), self.env.clone());
        let reading = self.reading_at(directory, files);
        let reading = move || Project::read(&binary, &reading, &env, None);
        tokio::task::spawn_blocking(reading).await.unwrap_or_else(|error| {
            Err(ProjectError::Run { path: self.binary.path.clone(), source: std::io::Error::other(error) })
        })
    }

    /// The name of the subcommand, if it is one of Compose.
    pub fn composes(&self) -> Option<&str> {
        self.reading.subcommand.as_ref().map(Subcommand::name)
    }

    /// Whether the user declared this entire project disposable.
    pub fn is_disposable(&self, project: &str) -> bool {
        self.env.disposable.iter().any(|name| name == project)
    }

    /// How long to wait for a server. An invalid value counts as unset.
    pub fn ready_timeout(&self) -> Duration {
        Duration::from_secs(self.env.wait.as_deref().and_then(|text| text.parse().ok()).unwrap_or(120))
    }
}
