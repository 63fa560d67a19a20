//! A directory that gives its project the name, as a checkout does: no variable and no flag names the project.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::bare::docker;
use super::machine;
use super::scratch::{Compose, Ran, ran};

/// Everything whose name contains the folder's is removed when the test ends.
pub(crate) struct Folder {
    program: PathBuf,
    root: tempfile::TempDir,
    /// The name that the directory had at first, and that its project has by default.
    pub(crate) name: String,
    directory: String,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Folder {
    /// `None`, with a printed reason, where this machine cannot run it.
    pub(crate) fn new() -> Option<Self> {
        let program = machine::compose(Compose::V2)?;
        let name = format!("sctest{}f{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join(&name)).expect("made");
        Some(Self { program, root, directory: name.clone(), name })
    }

    /// A path below the directory.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(&self.directory).join(below)
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("below the directory")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Runs safe-compose in a directory below, without a terminal.
    pub(crate) fn safe(&self, below: &str, words: &[&str]) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_safe-compose").into(), below, words);
        // Messages are searched for phrases, which a line break would cut.
        command.env("SAFE_COMPOSE_COMPOSE", &self.program).env("COLUMNS", "1000");
        ran(command)
    }

    /// Runs the real Compose in a directory below.
    pub(crate) fn plain(&self, below: &str, words: &[&str]) -> Ran {
        ran(self.command(self.program.clone(), below, words))
    }

    /// Renames the directory; the project that it names changes with it.
    pub(crate) fn rename(&mut self, name: &str) {
        fs::rename(self.path(""), self.root.path().join(name)).expect("renamed");
        name.clone_into(&mut self.directory);
    }

    fn command(&self, program: PathBuf, below: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.path(below))
            .env_remove("COMPOSE_PROJECT_NAME")
            .env("XDG_STATE_HOME", self.path(".state"))
            .env_remove("SAFE_COMPOSE_DISPOSABLE")
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let filter = format!("name={}", self.name);
        for (list, remove) in [
            (&["ps", "-aq"][..], &["rm", "-f", "-v"][..]),
            (&["volume", "ls", "-q"], &["volume", "rm"]),
            (&["network", "ls", "-q"], &["network", "rm"]),
        ] {
            let found = docker(&[list, &["--filter", &filter]].concat()).unwrap_or_default();
            for one in found.lines() {
                let _ = docker(&[remove, &[one]].concat());
            }
        }
    }
}
