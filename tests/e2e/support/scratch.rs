//! A project of its own on the real engine, removed when the test ends.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::machine;

/// Which real Compose is behind us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compose {
    V1,
    V2,
    /// 2.26, from before Compose asked about changed volumes.
    V2Older,
}

/// What a program did: everything that can be seen of it.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fails the test with everything that was printed unless the exit code is as expected.
    #[track_caller]
    pub fn exits(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "standard error does not say `{text}`:\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn never_says(self, text: &str) -> Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(!all.contains(text), "`{text}` is in the output:\n{all}");
        self
    }
}

/// A project directory with a Compose file.
pub struct Scratch {
    program: PathBuf,
    directory: tempfile::TempDir,
    pub project: String,
    /// `DOCKER_HOST`, where it is not the machine's engine.
    engine: Option<String>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Scratch {
    /// Makes a project with this file, in which `QDRANT_IMAGE` stands for the server's image. `None`, with a printed
    /// reason, where this machine cannot run it.
    pub fn new(compose: Compose, file: &str) -> Option<Self> {
        let program = machine::compose(compose)?;
        let image = if file.contains("QDRANT_IMAGE") { machine::qdrant_image()? } else { String::new() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let project = format!("sctest{}x{number}", std::process::id());
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join("docker-compose.yml"), file.replace("QDRANT_IMAGE", &image))
            .expect("written");
        Some(Self { program, directory, project, engine: None })
    }

    /// The same project on another engine.
    pub fn on(mut self, url: &str) -> Self {
        self.engine = Some(url.to_owned());
        self
    }

    /// Replaces a text in the Compose file.
    pub fn edit(&self, from: &str, to: &str) {
        let file = self.path("docker-compose.yml");
        let text = std::fs::read_to_string(&file).expect("a file");
        assert!(text.contains(from), "{text}");
        std::fs::write(&file, text.replace(from, to)).expect("written");
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// Runs safe-compose without a terminal.
    pub fn safe(&self, words: &[&str]) -> Ran {
        self.safe_with(words, &[])
    }

    pub fn safe_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = self.safe_command(words);
        command.envs(environment.iter().copied());
        ran(command)
    }

    /// Runs safe-compose in another directory, where only the arguments name a project.
    pub fn safe_in(&self, directory: &Path, words: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = self.safe_command(words);
        command.current_dir(directory).env_remove("COMPOSE_PROJECT_NAME").envs(environment.iter().copied());
        ran(command)
    }

    /// Runs safe-compose as another user.
    pub fn safe_as(&self, user: u32, group: u32, words: &[&str]) -> Ran {
        let mut command = self.safe_command(words);
        command.uid(user).gid(group).env("HOME", self.directory.path());
        ran(command)
    }

    /// safe-compose, to be run in a way of the test's own, such as on a terminal.
    pub fn safe_command(&self, words: &[&str]) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_safe-compose")), words);
        // Messages are searched for phrases, which a line break would cut.
        command.env("SAFE_COMPOSE_COMPOSE", &self.program).env("COLUMNS", "1000");
        command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        command
    }

    /// Runs the real Compose, behind our back.
    pub fn plain(&self, words: &[&str]) -> Ran {
        ran(self.plain_command(words))
    }

    /// The real Compose, to be run in a way of the test's own.
    pub fn plain_command(&self, words: &[&str]) -> Command {
        self.command(&self.program, words)
    }

    /// Runs a command that is refused without a confirmation, with the token that the refusal prints.
    #[track_caller]
    pub fn confirmed(&self, words: &[&str]) -> Ran {
        let refused = self.safe(words).exits(77);
        let token =
            refused.stderr.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let allow = format!("--safe-allow={}", token.expect("a token"));
        self.safe(&[&[allow.as_str()], words].concat()).exits(0)
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.directory.path())
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .env("XDG_STATE_HOME", self.path(".state"))
            .env_remove("SAFE_COMPOSE_DISPOSABLE")
            .stdin(Stdio::null());
        if let Some(url) = &self.engine {
            command.env("DOCKER_HOST", url);
        }
        command
    }

    /// A volume's name on the engine.
    pub fn volume(&self, key: &str) -> String {
        format!("{}_{key}", self.project)
    }

    /// The address at which a container's port is published on this machine.
    pub fn published(&self, service: &str, port: u16) -> String {
        let answer = self.plain(&["port", service, &port.to_string()]).exits(0);
        answer.stdout.trim().replace("0.0.0.0", "127.0.0.1")
    }

    /// The finished backups of a service, oldest first.
    pub fn backups(&self, service: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(self.path("backups").join(service))
            .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
            .unwrap_or_default();
        found.retain(|path| path.join("manifest.json").is_file() && !machine::is_hidden(path));
        found.sort();
        found
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.plain(&["down", "-v", "-t", "1", "--remove-orphans"]);
    }
}

pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Whether `docker` succeeds.
pub fn docker_can(words: &[&str]) -> bool {
    Command::new("docker")
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}
