//! Runs the real Compose for services of a project, on the same terminal: for commands of our own that stop, create and start
//! services.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use super::context::ProjectContext;
use crate::error::Failure;
use crate::exit::Exit;
use crate::process::{self, SpawnOptions};

/// Runs the real Compose for services of the project, on the same terminal.
pub(super) async fn compose(
    cx: &ProjectContext<'_>,
    words: &[&str],
    services: &BTreeSet<String>,
) -> Result<(), Failure> {
    let globals = &cx.command.reading.globals;
    let mut args = globals.argv.clone();
    // A project that is named from elsewhere was found by its containers, which Compose does not do.
    if globals.project_name.is_some() && globals.files.is_empty() && globals.project_directory.is_none() {
        args.extend(["--project-directory".into(), cx.project.directory.clone().into_os_string()]);
    }
    run(cx, args, words, services).await
}

/// The same with one file more, which overrides those of the project.
pub(super) async fn compose_with(
    cx: &ProjectContext<'_>,
    file: &Path,
    words: &[&str],
    services: &BTreeSet<String>,
) -> Result<(), Failure> {
    let globals = &cx.command.reading.globals;
    let mut args = globals.argv.clone();
    if globals.files.is_empty() {
        // With a file on the command line, Compose looks for no other.
        if globals.project_directory.is_none() {
            args.extend(["--project-directory".into(), cx.project.directory.clone().into_os_string()]);
        }
        for known in &cx.project.files {
            args.extend(["-f".into(), known.clone().into_os_string()]);
        }
    }
    args.extend(["-f".into(), file.as_os_str().to_owned()]);
    run(cx, args, words, services).await
}

async fn run(
    cx: &ProjectContext<'_>,
    mut args: Vec<OsString>,
    words: &[&str],
    services: &BTreeSet<String>,
) -> Result<(), Failure> {
    let command = cx.command;
    let program = command.binary.path.clone();
    args.extend(words.iter().map(OsString::from));
    args.extend(services.iter().map(OsString::from));
    let options = SpawnOptions { stdin: command.stdin.clone(), variable: None };
    let what = format!("`{}`", words.join(" "));
    let ended = tokio::task::spawn_blocking(move || process::supervise(&program, &args, options)).await;
    match ended {
        Ok(Ok(exit)) if exit.code == 0 && !exit.interrupted => Ok(()),
        Ok(Ok(exit)) if exit.interrupted => Err(Failure::new(Exit::INTERRUPTED, "interrupted")),
        Ok(Ok(exit)) => Err(Failure::new(Exit::BackupFailed, format!("{what} failed"))
            .because(anyhow::anyhow!("Compose ended with exit code {}", exit.code))),
        Ok(Err(error)) => {
            Err(Failure::new(Exit::Unavailable, format!("`{}` cannot be run", command.binary.path.display()))
                .because(error))
        }
        Err(error) => Err(Failure::new(Exit::Internal, "waiting for Compose failed").because(error)),
    }
}
