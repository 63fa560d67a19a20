//! The program in a world that is not as it should be: streams that are full, closed or gone, no home, no files, no space on
//! the screen, no engine that answers. It never panics, and its exit code and message say what is wrong.

mod composes;
mod engines;
mod streams;
mod surroundings;

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use crate::command_line::Stage;

/// Commands that print a result or a failure, with and without Compose.
pub(super) const COMMANDS: &[&[&str]] = &[
    &["--safe-version"],
    &["help", "backup"],
    &["backups"],
    &["backups", "list", "--format", "json"],
    &["backup"],
    &["restore"],
    &["status"],
    &["history"],
    &["verify"],
    &["check"],
    &["lint"],
    &["protect", "--list"],
    &["down", "-v"],
    &["--safe-plan", "down", "-v"],
    &["ps"],
];

/// Runs a shell line in which `$SAFE` is the program, in a project directory.
#[expect(clippy::disallowed_methods, reason = "tests start programs")]
pub(super) fn shell(stage: &Stage, line: &str, more: &[(&str, &str)]) -> Output {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .current_dir(stage.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", stage.path())
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("SAFE_COMPOSE_COMPOSE", stage.compose())
        .env("SAFE", env!("CARGO_BIN_EXE_safe-compose"))
        .envs(more.iter().copied());
    command.output().expect("a shell runs")
}

/// Fails where a run has panicked, was ended by a signal, or ended with a code that is none of ours.
#[track_caller]
pub(super) fn sound(what: &str, output: &Output) -> i32 {
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("panicked"), "{what}: {said}");
    assert_eq!(output.status.signal(), None, "{what}: {said}");
    let code = output.status.code().expect("a code");
    // The shell that stands in for Compose needs a world, too.
    let is_composes = code == 2 && (said.contains("fake-compose: ") || said.contains("/bin/sh: "));
    assert!(is_composes || matches!(code, 0 | 1 | 64 | 69 | 73..=77), "{what}: {code}\n{said}");
    code
}

pub(super) fn words(line: &[&str]) -> String {
    shell_words::join(line)
}
