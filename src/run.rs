//! From the words that were typed to an exit code.
//!
//! What cannot lose data is handed over at once: no runtime is started, no file is read but those that lead to the real
//! Compose.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{self, OwnCommand};
use crate::commands::{self, CommandContext, EngineSource};
use crate::compose::binary::{self, ComposeBinary};
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Invocation, Reading};
use crate::env::Env;
use crate::error::Failure;
use crate::exit::Exit;
use crate::process;
use crate::suggest::Suggest;
use crate::ui::Ui;

/// The program and what surrounds it. Tests run it with an engine, a screen and an `exec` of their own.
pub struct App {
    pub env: Env,
    pub ui: Ui,
    pub engine: EngineSource,
    /// Becomes another program; returns only when that fails.
    pub exec: fn(&Path, &[OsString]) -> io::Error,
}

/// The whole program.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let called_as = words.next().unwrap_or_else(|| OsString::from("safe-compose"));
    let env = Env::from_process();
    let ui = Ui::new(&env);
    App { env, ui, engine: EngineSource::Docker, exec: process::exec }.run(&called_as, words.collect()).into()
}

impl App {
    /// Runs one command line. A failure is printed.
    pub fn run(&self, called_as: &OsStr, words: Vec<OsString>) -> Exit {
        go(self, called_as, words).unwrap_or_else(|failure| {
            self.ui.failure(&failure);
            failure.exit
        })
    }
}

/// `docker` says so when it calls us as its plugin.
fn caller(env: &Env) -> Caller {
    if env.plugin_caller.is_some() { Caller::Docker } else { Caller::Person }
}

fn go(app: &App, called_as: &OsStr, words: Vec<OsString>) -> Result<Exit, Failure> {
    let App { env, ui, engine, exec } = app;
    let invocation = Invocation::parse_from(caller(env), words.clone())
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()).say("Nothing was run."))?;
    let safe = invocation.safe();
    if safe.version {
        ui.result(concat!("safe-compose ", env!("CARGO_PKG_VERSION")));
        return Ok(Exit::Success);
    }
    if safe.help {
        ui.result(cli::help());
        return Ok(Exit::Success);
    }
    if let Some((_, word, rest)) = invocation.own_command()
        && word == "lint"
    {
        return lint(ui, env, &invocation, word, rest);
    }
    let binary = binary::locate(env, called_as).map_err(no_compose)?;
    if invocation.own_command().is_none() && !safe.plan && !invocation.is_watched() {
        if asks_for_help(&invocation) {
            return help(ui, &binary, &invocation);
        }
        return hand_over(*exec, &binary, &invocation);
    }
    let grammar = binary.grammar().map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format!("`{}` does not say which Compose it is", binary.path.display()),
        )
        .because(error)
    })?;
    let reading = invocation.read(grammar);
    if invocation.own_command().is_some() {
        if let Some(doubt) = reading.doubts.first() {
            return Err(Failure::new(Exit::Usage, doubt.clone()).say("Nothing was run."));
        }
    } else if !reading.may_act() && !safe.plan {
        return hand_over(*exec, &binary, &invocation);
    }
    start_logging(env);
    let command = CommandContext {
        ui: ui.clone(),
        engine: engine.clone(),
        env: env.clone(),
        stdin: stdin_file(&reading, env)?,
        grammar,
        suggest: Suggest::new(called_as, &reading.globals.argv),
        safe: safe.clone(),
        words: invocation.compose_words(),
        typed: words,
        binary,
        reading,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(
            |error| Failure::new(Exit::Internal, "the async runtime cannot be started").because(error),
        )?;
    let ended = runtime.block_on(async {
        match invocation.own_command() {
            Some((_, word, rest)) => commands::own(command, word, rest).await,
            None => commands::guarded::run(&command).await,
        }
    });
    // What a cancelled piece of work cleans up behind itself gets a moment; a stuck server does not hold us longer.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    ended
}

/// Our one word that needs neither Compose nor an engine, and so no runtime.
fn lint(
    ui: &Ui,
    env: &Env,
    invocation: &Invocation,
    word: OsString,
    rest: Vec<OsString>,
) -> Result<Exit, Failure> {
    let reading = invocation.read(Grammar::V2);
    if let Some(doubt) = reading.doubts.first() {
        return Err(Failure::new(Exit::Usage, doubt.clone()).say("Nothing was read."));
    }
    match commands::parse(ui, word, rest) {
        Ok(OwnCommand::Lint(args)) => commands::lint::run(ui, env, &reading, &args),
        Ok(_) => Ok(Exit::Internal),
        Err(exit) => Ok(exit),
    }
}

/// Whether the whole command is a plea for help, and so a chance to tell about our own words too.
fn asks_for_help(invocation: &Invocation) -> bool {
    let words = invocation.compose_words();
    invocation.caller() == Caller::Person
        && match words.as_slice() {
            [] => true,
            [word] => word == "--help" || word == "-h" || word == "help",
            _ => false,
        }
}

/// Compose's own help, and ours behind it.
fn help(ui: &Ui, binary: &ComposeBinary, invocation: &Invocation) -> Result<Exit, Failure> {
    let exit =
        process::supervise(&binary.path, &invocation.compose_words(), process::SpawnOptions::default())
            .map_err(|error| {
                Failure::new(Exit::Unavailable, format!("`{}` cannot be run", binary.path.display()))
                    .because(error)
            })?;
    ui.result(format!("\n{}", cli::help()));
    Ok(Exit::Compose(exit.code))
}

/// Becomes the real Compose. Returns only when that fails.
fn hand_over(
    exec: fn(&Path, &[OsString]) -> io::Error,
    binary: &ComposeBinary,
    invocation: &Invocation,
) -> Result<Exit, Failure> {
    let error = exec(&binary.path, &invocation.compose_words());
    Err(Failure::new(Exit::Unavailable, format!("`{}` cannot be run", binary.path.display())).because(error))
}

/// With `-f -` or `COMPOSE_FILE=-` Compose reads its file from standard input; we have to read it first, and hand it on.
fn stdin_file(reading: &Reading, env: &Env) -> Result<Option<Vec<u8>>, Failure> {
    if !crate::compose::project::reads_stdin(reading, env) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|error| {
        Failure::new(Exit::Unavailable, "the Compose file on standard input cannot be read").because(error)
    })?;
    Ok(Some(bytes))
}

fn no_compose(error: binary::NotFound) -> Failure {
    Failure::new(Exit::Unavailable, "no Docker Compose was found to hand the command to")
        .because(error)
        .say("Install Docker Compose as your system has it (a package such as docker-compose-plugin, docker-compose-v2 or docker-compose),")
        .say("or name one with SAFE_COMPOSE_COMPOSE=/path/to/docker-compose.")
}

fn start_logging(env: &Env) {
    if let Some(filter) = &env.log {
        let filter = tracing_subscriber::EnvFilter::new(filter);
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    }
}
