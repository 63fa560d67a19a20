//! The two sides of a comparison: the real Compose, and safe-compose before the same one.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use super::table::Case;
use crate::oracle::row::Files;
use crate::oracle::trial::Trial;
use crate::support::{Compose, machine};

/// Who starts Compose.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// A person, by this name of the program.
    Person(&'static str),
    /// This client of Docker, which has it as a plugin.
    Docker(PathBuf),
}

/// One program to run every line with.
pub(super) struct Side {
    program: PathBuf,
    first: &'static [&'static str],
    environment: Vec<(&'static str, PathBuf)>,
}

/// What one run did, byte by byte.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Side {
    /// The command of a line, to be run in its directory.
    pub(super) fn command(&self, trial: &Trial, case: &Case) -> Command {
        let (directory, words) = trial.words(case.line);
        let mut command = Command::new(&self.program);
        command.args(self.first).args(words).current_dir(directory);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("COMPOSE_") || name == "PWD" {
                command.env_remove(&*name);
            }
        }
        command.env_remove("SAFE_COMPOSE_DISPOSABLE").env_remove("SAFE_COMPOSE_COMPOSE");
        command.envs(machine::needed_by_v1());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.envs(case.environment.iter().copied());
        command
    }

    pub(super) fn run(&self, trial: &Trial, case: &Case) -> Output {
        let mut command = self.command(trial, case);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // A program that does not read is not at fault.
        let _ = child.stdin.take().expect("piped").write_all(case.stdin.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        Output { status: output.status, stdout: output.stdout, stderr: output.stderr }
    }
}

/// The same project for both sides of every caller.
pub(super) struct Pairs {
    pub(super) trial: Trial,
    /// The real Compose, safe-compose, and who calls them.
    pub(super) sides: Vec<(Side, Side, Caller)>,
    _programs: tempfile::TempDir,
}

/// Both sides for each caller, and a project that runs. `None`, with a printed reason, where this machine cannot run it.
pub(super) fn pairs(compose: Compose, callers: &[Caller], files: Files) -> Option<Pairs> {
    let real = machine::compose(compose)?;
    let trial = Trial::new(compose, files)?;
    let programs = tempfile::tempdir().expect("a directory");
    let ours = Path::new(env!("CARGO_BIN_EXE_safe-compose"));
    let link = |target: &Path, path: &str| {
        let path = programs.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        if !path.is_symlink() {
            symlink(target, &path).expect("linked");
        }
        path
    };
    let state = || ("XDG_STATE_HOME", programs.path().join("state"));
    let cache = || ("XDG_CACHE_HOME", programs.path().join("cache"));
    let behind = || ("SAFE_COMPOSE_COMPOSE", real.clone());
    let of_caller = |caller: &Caller| match caller {
        Caller::Person(name) => (
            Side { program: real.clone(), first: &[], environment: Vec::new() },
            Side { program: link(ours, name), first: &[], environment: vec![behind(), state(), cache()] },
        ),
        Caller::Docker(client) => {
            link(&real, "plain/cli-plugins/docker-compose");
            link(ours, "guarded/cli-plugins/docker-compose");
            let config = |name: &str| ("DOCKER_CONFIG", programs.path().join(name));
            (
                Side { program: client.clone(), first: &["compose"], environment: vec![config("plain")] },
                Side {
                    program: client.clone(),
                    first: &["compose"],
                    environment: vec![config("guarded"), behind(), state(), cache()],
                },
            )
        }
    };
    let sides = callers
        .iter()
        .map(|caller| {
            let (real, ours) = of_caller(caller);
            (real, ours, caller.clone())
        })
        .collect();
    trial.real("up -d", &[], "").exits(0);
    Some(Pairs { trial, sides, _programs: programs })
}
