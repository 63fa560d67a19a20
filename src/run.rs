//! From the command line to an exit code.
//!
//! A command that cannot lose data is handed over at once: no runtime is started, and no file is read but those that lead
//! to the real Compose.

mod panic;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{self, Format, OfflineCommand, OwnCommand, ProjectCommand};
use crate::commands::{self, CommandContext, EngineSource, EventRecord, OwnRecord, RenderedConfig};
use crate::compose::binary::{self, ComposeBinary};
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Invocation, Reading};
use crate::compose::subcommand::{HarmlessCommand, Subcommand};
use crate::env::{self, Env};
use crate::error::Failure;
use crate::exit::Exit;
use crate::process::{self, Capture, SpawnOptions};
use crate::suggest::Suggest;
use crate::ui::Ui;

/// The program and its surroundings. Tests run it with an engine, a screen and an `exec` of their own.
pub struct App {
    pub env: Env,
    pub ui: Ui,
    pub engine: EngineSource,
    /// Becomes another program; returns only when that fails.
    pub exec: Exec,
}

/// Becomes another program, with an additional variable.
type Exec = fn(&Path, &[OsString], Option<(&'static str, OsString)>) -> io::Error;

/// The entire program.
pub fn main() -> ExitCode {
    panic::install_hook();
    let mut words = std::env::args_os();
    let called_as = words.next().unwrap_or_else(|| OsString::from("safe-compose"));
    let env = Env::from_process();
    let ui = Ui::new(&env);
    let app = App { env, ui, engine: EngineSource::Docker, exec: process::exec };
    let exit = app.run(&called_as, words.collect());
    let exit = with_lost_output(&app.ui, exit);
    panic::test_trigger("end");
    exit.into()
}

/// A result that nobody can read is no success.
fn with_lost_output(ui: &Ui, exit: Exit) -> Exit {
    let Some(error) = ui.lost_output() else { return exit };
    let what = "the result could not be written to standard output";
    let failure = Failure::new(Exit::OutputLost, what).because(io::Error::from(error.kind()));
    ui.failure(&failure.say("What the command had to do was done."));
    if exit.code() == 0 { Exit::OutputLost } else { exit }
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

/// What `docker` asks each of its plugins for before it uses it.
const PLUGIN_METADATA: &str = "docker-cli-plugin-metadata";

/// `docker` sets a variable when it calls us as its plugin.
fn caller(env: &Env) -> Caller {
    if env.plugin_caller.is_some() { Caller::Docker } else { Caller::Person }
}

/// The program's name as the user typed it.
fn program(env: &Env, called_as: &OsStr) -> String {
    match caller(env) {
        Caller::Docker => "docker compose".to_owned(),
        Caller::Person => {
            let name = Path::new(called_as).file_name().unwrap_or(OsStr::new("safe-compose"));
            name.to_string_lossy().into_owned()
        }
    }
}

fn go(app: &App, called_as: &OsStr, words: Vec<OsString>) -> Result<Exit, Failure> {
    panic::test_trigger("start");
    if words.first().is_some_and(|word| word == PLUGIN_METADATA) {
        app.ui.result(cli::plugin_metadata());
        return Ok(Exit::Success);
    }
    let invocation = Invocation::parse_from(caller(&app.env), words.clone())
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()).say("Nothing was run."))?;
    match invocation.docker_config() {
        None => dispatch(app, called_as, &invocation, words),
        // `docker --config DIR` has found this program by its plugins, contexts and credentials in that directory.
        Some(directory) => {
            let env = Env { docker_config: Some(directory.into()), ..app.env.clone() };
            let app = App { env, ui: app.ui.clone(), engine: app.engine.clone(), exec: app.exec };
            dispatch(&app, called_as, &invocation, words)
        }
    }
}

fn dispatch(
    app: &App,
    called_as: &OsStr,
    invocation: &Invocation,
    words: Vec<OsString>,
) -> Result<Exit, Failure> {
    if let Some(text) = about(app, called_as, invocation) {
        app.ui.result(text);
        return Ok(Exit::Success);
    }
    let own = match invocation.own_command() {
        None => None,
        Some((_, word, rest)) => match commands::parse(&app.ui, &program(&app.env, called_as), word, rest) {
            Ok(OwnCommand::Project(command)) => Some(command),
            Ok(OwnCommand::Offline(command)) => return offline(app, called_as, invocation, &command),
            Err(exit) => return Ok(exit),
        },
    };
    let binary = binary::locate(&app.env, called_as).map_err(no_compose)?;
    match own {
        Some(command) => own_command(app, called_as, (binary, invocation, words), command),
        None => composes(app, called_as, (binary, invocation, words)),
    }
}

/// What is asked about the program itself, answered without Compose.
fn about(app: &App, called_as: &OsStr, invocation: &Invocation) -> Option<String> {
    let safe = invocation.safe();
    if safe.version {
        return Some(cli::version(version_format(invocation)));
    }
    if safe.help {
        return Some(cli::help(&program(&app.env, called_as)));
    }
    match invocation.behind_compose().split_first() {
        Some((word, topic)) if word == "help" => cli::topic(&program(&app.env, called_as), topic),
        _ => None,
    }
}

/// `--safe-version` takes the format from `--safe-format` or from a `--format` behind it.
fn version_format(invocation: &Invocation) -> Format {
    let words = invocation.behind_compose();
    let json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json");
    if json { Format::Json } else { invocation.safe().format }
}

/// A command of Compose's.
fn composes(
    app: &App,
    called_as: &OsStr,
    (binary, invocation, words): (ComposeBinary, &Invocation, Vec<OsString>),
) -> Result<Exit, Failure> {
    let safe = invocation.safe();
    if is_completion(invocation) {
        return hand_over(app.exec, &binary, invocation);
    }
    if let Some(meant) = misspelled(&binary, invocation) {
        return Err(unknown_command(app, called_as, invocation, meant));
    }
    if !safe.plan && !invocation.is_guarded() {
        if asks_for_help(invocation) {
            return help(app, called_as, &binary, invocation);
        }
        return hand_over(app.exec, &binary, invocation);
    }
    let reading = invocation.read(grammar(&binary)?);
    if !reading.may_act() && !safe.plan {
        return hand_over(app.exec, &binary, invocation);
    }
    let command = context(app, called_as, (binary, invocation, words), reading)?;
    block_on(commands::compose::run(&command))
}

/// A command of our own that works on a project.
fn own_command(
    app: &App,
    called_as: &OsStr,
    (binary, invocation, words): (ComposeBinary, &Invocation, Vec<OsString>),
    own: ProjectCommand,
) -> Result<Exit, Failure> {
    let reading = invocation.read(grammar(&binary)?);
    if let Some(issue) = reading.parse_issues.first() {
        return Err(Failure::new(Exit::Usage, issue.clone()).say("Nothing was run."));
    }
    let mut command = context(app, called_as, (binary, invocation, words), reading)?;
    if own.is_quiet() {
        command.ui = command.ui.quiet();
    }
    block_on(commands::own(&command, own))
}

fn context(
    app: &App,
    called_as: &OsStr,
    (binary, invocation, words): (ComposeBinary, &Invocation, Vec<OsString>),
    reading: Reading,
) -> Result<CommandContext, Failure> {
    start_logging(&app.env);
    if reading
        .globals
        .progress
        .as_ref()
        .or(app.env.compose_progress.as_ref())
        .is_some_and(|how| how == "json")
    {
        app.ui.use_events();
    }
    Ok(CommandContext {
        ui: app.ui.clone(),
        engine: app.engine.clone(),
        env: app.env.clone(),
        stdin: stdin_file(&reading, &app.env)?,
        grammar: reading.grammar,
        suggest: suggest(called_as, invocation, &reading),
        safe: invocation.safe().clone(),
        words: invocation.compose_words(),
        typed: words,
        record: OwnRecord::default(),
        events: EventRecord::default(),
        rendered: RenderedConfig::default(),
        binary,
        reading,
    })
}

fn suggest(called_as: &OsStr, invocation: &Invocation, reading: &Reading) -> Suggest {
    match invocation.caller() {
        Caller::Person => Suggest::new(called_as, &reading.globals.argv),
        Caller::Docker => {
            let before = invocation.compose_words().len() - invocation.behind_compose().len();
            Suggest::of_plugin(&reading.globals.argv, before)
        }
    }
}

fn block_on(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(
            |error| Failure::new(Exit::Internal, "the async runtime cannot be started").because(error),
        )?;
    let ended = runtime.block_on(work);
    // Cancelled work gets a moment to clean up; a server that hangs must not hold us longer.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    ended
}

/// A command of our own that needs neither Compose nor an engine, and so no runtime.
fn offline(
    app: &App,
    called_as: &OsStr,
    invocation: &Invocation,
    command: &OfflineCommand,
) -> Result<Exit, Failure> {
    let reading = invocation.read(Grammar::V2);
    if let Some(issue) = reading.parse_issues.first() {
        return Err(Failure::new(Exit::Usage, issue.clone()).say("Nothing was read."));
    }
    commands::offline(
        &commands::OfflineContext {
            ui: app.ui.clone(),
            env: &app.env,
            safe: invocation.safe(),
            reading: &reading,
            suggest: suggest(called_as, invocation, &reading),
        },
        command,
    )
}

fn grammar(binary: &ComposeBinary) -> Result<Grammar, Failure> {
    binary.grammar().map_err(|error| {
        Failure::new(
            Exit::Unavailable,
            format!("the version of Compose at `{}` cannot be determined", binary.path.display()),
        )
        .because(error)
        .say("Nothing was run. To use another Compose, set SAFE_COMPOSE_COMPOSE=/path/to/docker-compose.")
    })
}

/// What a shell asks for its completion. Compose answers; nothing can run.
fn is_completion(invocation: &Invocation) -> bool {
    let first = invocation.behind_compose().first();
    [HarmlessCommand::Complete, HarmlessCommand::CompleteNoDescriptions]
        .iter()
        .any(|command| first.is_some_and(|word| word == command.name()))
}

/// The command of ours that was meant, where the word is none of Compose's and close to one of ours.
fn misspelled(binary: &ComposeBinary, invocation: &Invocation) -> Option<&'static str> {
    let word = unknown_word(invocation)?;
    let meant = cli::suggestion(&word)?;
    // A newer Compose may have the command.
    let question = Capture {
        program: &binary.path,
        args: &[OsString::from(&word), OsString::from("--help")],
        env_remove: &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
        stdin: None,
    };
    let variable: Vec<_> = binary.variable().into_iter().collect();
    let is_unknown = process::capture_with(&question, &variable).is_ok_and(|answer| answer.code != 0);
    is_unknown.then_some(meant)
}

/// The word in the place of a subcommand, if no known Compose has it.
fn unknown_word(invocation: &Invocation) -> Option<String> {
    match invocation.read(Grammar::V2).subcommand? {
        Subcommand::Unknown(word) => Some(word),
        Subcommand::Guarded(_) | Subcommand::Harmless(_) => None,
    }
}

fn unknown_command(app: &App, called_as: &OsStr, invocation: &Invocation, meant: &str) -> Failure {
    let reading = invocation.read(Grammar::V2);
    let word = unknown_word(invocation).unwrap_or_default();
    let program = program(&app.env, called_as);
    Failure::new(Exit::Usage, format!("unknown command `{word}`"))
        .because(anyhow::anyhow!("neither Docker Compose nor safe-compose has such a command"))
        .say("Nothing was run.")
        .run("Did you mean", suggest(called_as, invocation, &reading).command(meant))
        .say(format!("`{program} --help` lists all commands."))
}

/// Whether the command line asks for Compose's general help, to which ours is added.
fn asks_for_help(invocation: &Invocation) -> bool {
    let words = invocation.compose_words();
    invocation.caller() == Caller::Person
        && match words.as_slice() {
            [] => true,
            [word] => word == "--help" || word == "-h" || word == "help",
            _ => false,
        }
}

/// Compose's own help, followed by ours.
fn help(
    app: &App,
    called_as: &OsStr,
    binary: &ComposeBinary,
    invocation: &Invocation,
) -> Result<Exit, Failure> {
    // Compose V2 has no `help`, and in V1 both are the same.
    let spell = |word: OsString| if word == "help" { "--help".into() } else { word };
    let words: Vec<OsString> = invocation.compose_words().into_iter().map(spell).collect();
    let options = SpawnOptions { stdin: None, variable: binary.variable() };
    let exit = process::supervise(&binary.path, &words, options).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("`{}` cannot be run", binary.path.display())).because(error)
    })?;
    app.ui.result(format!("\n{}", cli::help(&program(&app.env, called_as))));
    Ok(Exit::Compose(exit.code))
}

/// Becomes the real Compose. Returns only when that fails.
fn hand_over(exec: Exec, binary: &ComposeBinary, invocation: &Invocation) -> Result<Exit, Failure> {
    let error = exec(&binary.path, &invocation.compose_words(), binary.variable());
    Err(Failure::new(Exit::Unavailable, format!("`{}` cannot be run", binary.path.display()))
        .because(error)
        .say("Nothing was run."))
}

/// With `-f -` or `COMPOSE_FILE=-` Compose reads its file from standard input. We read it first and pass it on.
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
    Failure::new(Exit::Unavailable, "Docker Compose was not found")
        .because(error)
        .say("Nothing was run.")
        .say("Install Docker Compose with your system's package manager (docker-compose-plugin, docker-compose-v2 or docker-compose), or set SAFE_COMPOSE_COMPOSE=/path/to/docker-compose.")
}

fn start_logging(env: &Env) {
    if let Some(filter) = &env.log {
        let filter = tracing_subscriber::EnvFilter::new(filter);
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    }
}
