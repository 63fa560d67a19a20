//! Finds out by asking whether the commands that people type are guarded.
//!
//! What is installed says little: a shell, a script, sudo and cron each have their own `PATH` and home. So each is made to
//! run the command with a flag that only this program knows.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::scope::{SetupPlaces, SetupScope};
use super::timer::running_systemd;
use crate::compose::binary::{self, kept_program};
use crate::env::{self, Env};
use crate::process::{Capture, Output, capture};

/// A command that people type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbedCommand {
    /// `docker compose`
    Plugin,
    /// `docker-compose`
    Standalone,
}

impl ProbedCommand {
    /// As it is typed.
    pub fn words(self) -> &'static str {
        match self {
            Self::Plugin => "docker compose",
            Self::Standalone => "docker-compose",
        }
    }
}

/// Where a command is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbePlace {
    Script,
    LoginShell,
    Sudo,
    /// A service of systemd.
    Service,
    Cron,
}

impl ProbePlace {
    pub fn words(self) -> &'static str {
        match self {
            Self::Script => "a script",
            Self::LoginShell => "a login shell",
            Self::Sudo => "sudo",
            Self::Service => "a systemd service",
            Self::Cron => "cron",
        }
    }
}

/// What became of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeAnswer {
    /// This program answered.
    Guarded,
    /// Another program answered.
    NotGuarded,
    /// There is no such command.
    Absent,
    /// It could not be asked.
    Unknown(String),
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupProbe {
    pub command: ProbedCommand,
    pub place: ProbePlace,
    pub answer: ProbeAnswer,
}

/// A place in which commands are typed: a program that takes a command line as its last argument.
struct Asker {
    place: ProbePlace,
    program: PathBuf,
    arguments: Vec<OsString>,
    /// Why it cannot ask.
    refusal: Option<String>,
}

/// Asks every place that this machine has.
pub fn probe_all(env: &Env) -> Vec<SetupProbe> {
    let mut probes = Vec::new();
    for asker in askers(env) {
        for command in [ProbedCommand::Plugin, ProbedCommand::Standalone] {
            let answer = match &asker.refusal {
                Some(why) => ProbeAnswer::Unknown(why.clone()),
                None => asker.ask(command),
            };
            probes.push(SetupProbe { command, place: asker.place, answer });
        }
    }
    probes
}

fn askers(env: &Env) -> Vec<Asker> {
    let shell = PathBuf::from("/bin/sh");
    let asker = |place, program: PathBuf, arguments: &[&str]| Asker {
        place,
        program,
        arguments: arguments.iter().map(OsString::from).collect(),
        refusal: None,
    };
    let mut askers = vec![asker(ProbePlace::Script, shell, &["-c"])];
    // Without a terminal of its own, an interactive shell would take ours away.
    if let (Some(setsid), Some(login)) = (env.program("setsid"), env.shell.as_deref().and_then(Path::to_str))
    {
        let last: &[&str] = if login.ends_with("/nu") { &["-l", "-c"] } else { &["-l", "-i", "-c"] };
        // A shell whose files wait for somebody must not keep the others from being asked.
        let limit: &[&str] = if env.program("timeout").is_some() { &["timeout", "60"] } else { &[] };
        askers.push(asker(ProbePlace::LoginShell, setsid, &[&["--wait"], limit, &[login], last].concat()));
    }
    if !rustix::process::geteuid().is_root()
        && let Some(sudo) = env.program("sudo")
    {
        let mut asked = asker(ProbePlace::Sudo, sudo, &["-n", "/bin/sh", "-c"]);
        if !asked.run("true").is_ok_and(|output| output.code == 0) {
            asked.refusal = Some("sudo asks for a password".to_owned());
        }
        askers.push(asked);
    }
    if let Some(systemd_run) = running_systemd(env, "systemd-run") {
        let manager: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["--user"] };
        let once = ["--quiet", "--collect", "--wait", "--pipe", "--no-ask-password", "/bin/sh", "-c"];
        let mut asked = asker(ProbePlace::Service, systemd_run, &[manager, &once].concat());
        if !asked.run("true").is_ok_and(|output| output.code == 0) {
            asked.refusal = Some("systemd does not run services for this user now".to_owned());
        }
        askers.push(asked);
    }
    let home = format!("HOME={}", env.home.as_deref().unwrap_or(Path::new("/")).display());
    let cron = ["-i", &home, "SHELL=/bin/sh", "PATH=/usr/bin:/bin", "/bin/sh", "-c"];
    askers.push(asker(ProbePlace::Cron, PathBuf::from("/usr/bin/env"), &cron));
    askers
}

impl Asker {
    fn ask(&self, command: ProbedCommand) -> ProbeAnswer {
        let words = command.words();
        match self.run(&format!("{words} --safe-version")) {
            Err(error) => return ProbeAnswer::Unknown(error.to_string()),
            Ok(output) if is_ours(&output) => return ProbeAnswer::Guarded,
            Ok(_) => {}
        }
        match self.run(&format!("{words} version")) {
            Err(error) => ProbeAnswer::Unknown(error.to_string()),
            Ok(output) if output.code == 0 => ProbeAnswer::NotGuarded,
            Ok(_) => ProbeAnswer::Absent,
        }
    }

    fn run(&self, line: &str) -> std::io::Result<Output> {
        let args: Vec<OsString> = self.arguments.iter().cloned().chain([line.into()]).collect();
        capture(&Capture {
            program: &self.program,
            args: &args,
            env_remove: &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
            stdin: None,
        })
    }
}

/// Whether this program answered. The files of a shell may print something before it.
fn is_ours(output: &Output) -> bool {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().any(|line| {
        line.strip_prefix("safe-compose ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// The ways to the real Compose, or past it, that no installation guards.
pub fn bypasses(env: &Env) -> Vec<String> {
    let mut found = Vec::new();
    let mut real: Vec<PathBuf> = Vec::new();
    for directory in binary::plugin_directories(env).chain(env.path_directories()) {
        let path = directory.join("docker-compose");
        for path in [kept_program(&path), path] {
            if binary::is_compose(env, &path)
                && !real.iter().any(|known| known.canonicalize().ok() == path.canonicalize().ok())
            {
                real.push(path);
            }
        }
    }
    found
        .extend(real.iter().map(|path| format!("the real Compose, called by its path `{}`", path.display())));
    let for_all = SetupPlaces::of(env, SetupScope::System)
        .is_some_and(|places| binary::is_ourselves(env, &places.plugin));
    if !for_all {
        found.push("other users, and sudo, which have another home: `--system` installs for all".to_owned());
        found.push("another `DOCKER_CONFIG`, or `docker --config`, whose plugins are others".to_owned());
    }
    found.push(
        "`docker volume rm`, `docker system prune`, Portainer and other clients of the engine: `protect` keeps volumes from them"
            .to_owned(),
    );
    found
}
