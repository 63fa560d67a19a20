//! Commands that labels of other backup tools set, run in the containers of the services that are backed up, if the user
//! has agreed to them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::agreement;
use super::context::ProjectContext;
use super::mode::Apply;
use crate::engine::{Container, Engine, EngineError, ExecPipe};
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::inventory::Store;
use crate::tool_labels::{LabelCommand, LabelPhase, ToolLabels};
use crate::trust::{Granted, Trust, printable};

/// How long a command may take. A dump of a large database takes a while.
const TIMEOUT: Duration = Duration::from_hours(1);

/// The most of an error message that is shown, in characters.
const LONGEST_MESSAGE: usize = 400;

/// What the labels of a service ask for, unless the settings say that they are not followed.
pub(super) fn of_service(cx: &ProjectContext<'_>, service: &str) -> Option<ToolLabels> {
    if !cx.settings.backup.labels {
        return None;
    }
    let service = cx.project.whole_model()?.services.get(service)?;
    Some(ToolLabels::of(&service.tool_labels))
}

/// Before the stores are backed up. A command that fails means that they are not.
pub(super) async fn before(cx: &ProjectContext<'_>, _: Apply, stores: &[Store]) -> Result<(), Failure> {
    let commands = commands(cx, stores, LabelPhase::Before);
    let Some(granted) = granted(cx, &commands) else { return Ok(()) };
    for (service, command) in &commands {
        for container in running(cx, service) {
            run(cx, &granted, container, command)
                .await
                .map_err(|error| failed(cx, service, command, error))?;
        }
    }
    Ok(())
}

/// After the stores were backed up. A command that fails is a warning.
pub(super) async fn after(cx: &ProjectContext<'_>, _: Apply, stores: &[Store]) {
    let commands = commands(cx, stores, LabelPhase::After);
    let Some(granted) = granted(cx, &commands) else { return };
    for (service, command) in &commands {
        for container in running(cx, service) {
            let now = cx.engine.inspect(&container.id).await;
            if now.is_ok_and(|now| now.is_some_and(|now| !now.is_running())) {
                cx.ui().say(format!("`{}` of `{service}` was not run: it is stopped.", command.label));
            } else if let Err(error) = run(cx, &granted, container, command).await {
                let error = causes(&error);
                cx.ui().warn(format!("the command of `{}` failed in `{service}`: {error}.", command.label));
            }
        }
    }
}

/// The commands of the services of these stores.
fn commands(cx: &ProjectContext<'_>, stores: &[Store], phase: LabelPhase) -> Vec<(String, LabelCommand)> {
    if cx.command.env.in_hook {
        return Vec::new();
    }
    let services: BTreeSet<&String> = stores.iter().map(|store| &store.service).collect();
    let of_service = |service: &String| {
        let labels = of_service(cx, service).unwrap_or_default();
        let service = service.clone();
        labels.commands.into_iter().map(move |command| (service.clone(), command))
    };
    services.into_iter().flat_map(of_service).filter(|(_, command)| command.phase == phase).collect()
}

/// Permission to run them. Warns once if there is none.
fn granted(cx: &ProjectContext<'_>, commands: &[(String, LabelCommand)]) -> Option<Granted> {
    if commands.is_empty() {
        return None;
    }
    match agreement::check(cx.command, &cx.project) {
        Trust::Granted(granted) => Some(granted),
        trust @ (Trust::NothingActs | Trust::Withheld(_)) => {
            if cx.command.events.is_first_warning() {
                agreement::warn(cx.ui(), cx.suggest(), &trust);
            }
            None
        }
    }
}

fn running<'a>(cx: &'a ProjectContext<'_>, service: &'a str) -> impl Iterator<Item = &'a Container> {
    cx.containers.iter().filter(move |container| {
        container.service() == Some(service) && container.is_running() && !container.is_one_off()
    })
}

async fn run(
    cx: &ProjectContext<'_>,
    _: &Granted,
    container: &Container,
    command: &LabelCommand,
) -> anyhow::Result<()> {
    cx.ui().say(format!("running the command of `{}` in `{}`.", command.label, container.name));
    let work = exec(cx.engine.as_ref(), &container.id, &command.argv);
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(ended) => ended,
        Err(_) => anyhow::bail!("it did not end within an hour"),
    }
}

async fn exec(engine: &dyn Engine, container: &str, argv: &[String]) -> anyhow::Result<()> {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let pipe = engine.exec(container, &argv).await.map_err(|error| match error {
        EngineError::Refused { source, .. } => source,
        error => error.into(),
    })?;
    let ExecPipe { stdin, mut stdout, end } = pipe;
    let mut buffer = vec![0; 8 * 1024];
    while stdout.read(&mut buffer).await? > 0 {}
    // Kept open until here: some programs end when their input ends.
    drop(stdin);
    let end = end.await?;
    if end.code == 0 {
        return Ok(());
    }
    let message: String = printable(end.stderr.trim()).chars().take(LONGEST_MESSAGE).collect();
    if message.is_empty() {
        anyhow::bail!("it ended with exit code {}", end.code);
    }
    anyhow::bail!("it ended with exit code {}: {message}", end.code)
}

fn failed(cx: &ProjectContext<'_>, service: &str, command: &LabelCommand, error: anyhow::Error) -> Failure {
    let what = format!("the command of `{}` failed in `{service}`", command.label);
    let message = match cx.command.composes() {
        Some(command) => format!("{what}, so nothing was backed up and `{command}` was not run"),
        None => format!("{what}, so nothing was backed up"),
    };
    let failure = Failure::new(Exit::BackupFailed, message).because(error).say(
        "If safe-compose should not follow the labels of other backup tools, set `backup.labels: false` under `x-safe-compose`.",
    );
    match cx.command.composes() {
        Some(_) => failure.run(
            "Fix the problem and retry, or continue without a backup",
            cx.suggest().again("--safe-skip-backup", &cx.command.words),
        ),
        None => failure,
    }
}
