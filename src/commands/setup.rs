//! `safe-compose setup`: puts this program where people type, and takes it away again.

mod remove;
mod status;

use serde_json::json;

use super::dry_run::{DryRun, PlannedChange};
use super::format;
use super::mode::{Apply, Mode};
use super::offline_context::OfflineContext;
use crate::cli::{Every, Format, SetupAction, SetupArgs, Shell};
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::FsError;
use crate::setup::{
    self, AliasShell, BackedUpProjects, SetupComponent, SetupPlaces, SetupScope, SetupStep, TimerInterval,
};
use crate::ui::{Page, Reply, Ui};

pub(super) fn run(
    cx: &OfflineContext<'_>,
    args: &SetupArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let scope = if args.system { SetupScope::System } else { SetupScope::User };
    let places = SetupPlaces::of(cx.env, scope).ok_or_else(|| {
        Failure::new(Exit::Unavailable, "your home directory is unknown")
            .say("Nothing was changed. Set HOME, or use `--system`.")
    })?;
    let components = match &args.action {
        None => usual(cx, &places),
        Some(SetupAction::Plugin) => vec![SetupComponent::Plugin],
        Some(SetupAction::Shim) => vec![SetupComponent::Shim],
        Some(SetupAction::Alias { shells }) => {
            vec![SetupComponent::Alias(shells.iter().map(|shell| alias_shell(*shell)).collect())]
        }
        Some(SetupAction::Hooks) => vec![SetupComponent::Hooks],
        Some(SetupAction::Timer { every, all }) => {
            let backed_up = if *all { BackedUpProjects::All } else { BackedUpProjects::InCurrentDirectory };
            vec![SetupComponent::Timer(interval(*every), backed_up)]
        }
        Some(SetupAction::Status) => return Ok(status::run(cx, output)),
        Some(SetupAction::Remove) => return remove::run(cx, &places, (args.yes, mode), output),
    };
    install(cx, &places, &components, (args.yes, mode), output)
}

/// What `setup` installs by itself: a `docker-compose` only where there is one.
fn usual(cx: &OfflineContext<'_>, places: &SetupPlaces) -> Vec<SetupComponent> {
    let has_program = cx.env.program("docker-compose").is_some() || places.shim.is_file();
    let shim = has_program.then_some(SetupComponent::Shim);
    [SetupComponent::Plugin].into_iter().chain(shim).collect()
}

fn alias_shell(shell: Shell) -> AliasShell {
    match shell {
        Shell::Bash => AliasShell::Bash,
        Shell::Zsh => AliasShell::Zsh,
        Shell::Fish => AliasShell::Fish,
        Shell::Nushell => AliasShell::Nushell,
    }
}

fn interval(every: Every) -> TimerInterval {
    match every {
        Every::Hourly => TimerInterval::Hourly,
        Every::Daily => TimerInterval::Daily,
        Every::Weekly => TimerInterval::Weekly,
    }
}

fn install(
    cx: &OfflineContext<'_>,
    places: &SetupPlaces,
    components: &[SetupComponent],
    (yes, mode): (bool, Mode),
    output: Format,
) -> Result<Exit, Failure> {
    let mut steps: Vec<SetupStep> = Vec::new();
    for component in components {
        let planned = setup::plan(cx.env, places, component).map_err(|error| {
            Failure::new(Exit::Unavailable, "this cannot be set up")
                .because(error)
                .say("Nothing was changed.")
        })?;
        for step in planned {
            if !step.is_done() && !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    let plan = DryRun::new("setup", steps.iter().map(planned).collect());
    let apply = match mode {
        Mode::DryRun => return Ok(plan.show(&cx.ui, output)),
        Mode::Apply(apply) => apply,
    };
    if !steps.is_empty() {
        confirm(cx, &plan, yes, "setup")?;
        make(cx, places, &steps, apply)?;
    }
    report(cx, places, (&plan, components), output);
    Ok(Exit::Success)
}

fn planned(step: &SetupStep) -> PlannedChange {
    let change = PlannedChange::new(step.action(), step.to_string());
    match step.detail() {
        Some(detail) => change.with(detail),
        None => change,
    }
}

/// Shows the changes, and asks unless `--yes` was given.
fn confirm(cx: &OfflineContext<'_>, plan: &DryRun, yes: bool, what: &str) -> Result<(), Failure> {
    cx.ui.text(Page::new().text(plan.announcement()));
    if yes {
        return Ok(());
    }
    let denied = |exit, message: &str| {
        Err(Failure::new(exit, format!("`{what}` {message}")).say("Nothing was changed."))
    };
    if !cx.ui.is_terminal() {
        return denied(Exit::Refused, "was refused: there is no terminal to ask on")
            .map_err(|failure| failure.say("Add `--yes` to do it without a question."));
    }
    match cx.ui.ask("yes") {
        Reply::Typed(word) if word.trim() == "yes" => Ok(()),
        Reply::Typed(_) | Reply::EndOfInput => denied(Exit::Refused, "was not confirmed"),
        Reply::Interrupted => denied(Exit::INTERRUPTED, "was not confirmed"),
    }
}

fn make(cx: &OfflineContext<'_>, places: &SetupPlaces, steps: &[SetupStep], _: Apply) -> Result<(), Failure> {
    setup::apply(places, steps).map_err(|error| {
        let is_denied = is_denied(&error);
        let failure = Failure::new(Exit::Unavailable, "the setup is incomplete").because(error);
        let failure = if is_denied && places.scope == SetupScope::System {
            failure.say("`--system` changes files of the system: run it as root, or with sudo.")
        } else {
            failure
        };
        failure.run("To undo the steps that were made", cx.suggest.setup(&remove_words(places)))
    })
}

fn is_denied(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
            || matches!(cause.downcast_ref::<FsError>(), Some(FsError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied)
    })
}

fn remove_words(places: &SetupPlaces) -> Vec<&'static str> {
    match places.scope {
        SetupScope::User => vec!["remove"],
        SetupScope::System => vec!["remove", "--system"],
    }
}

fn report(
    cx: &OfflineContext<'_>,
    places: &SetupPlaces,
    (plan, components): (&DryRun, &[SetupComponent]),
    output: Format,
) {
    let ui: &Ui = &cx.ui;
    match output {
        Format::Json => ui.result(format::json(&json!({
            "format": "safe-compose-setup",
            "format_version": 1,
            "changes": plan.changes(),
        }))),
        Format::Text if plan.changes.is_empty() => {
            ui.good("everything is in place already; nothing was changed.");
        }
        Format::Text => {
            ui.good("the setup is complete.");
            for component in components {
                next_step(cx, places, component);
            }
            if components.iter().any(guards) {
                ui.suggest("To see which commands are guarded", cx.suggest.setup(&["status"]));
            }
            ui.suggest("To undo everything that was set up", cx.suggest.setup(&remove_words(places)));
        }
    }
}

/// Whether a component guards commands that people type.
fn guards(component: &SetupComponent) -> bool {
    match component {
        SetupComponent::Plugin | SetupComponent::Shim | SetupComponent::Alias(_) => true,
        SetupComponent::Hooks | SetupComponent::Timer(..) => false,
    }
}

/// What has to be known, or done, before a component works.
fn next_step(cx: &OfflineContext<'_>, places: &SetupPlaces, component: &SetupComponent) {
    let ui = &cx.ui;
    match component {
        SetupComponent::Plugin => {}
        SetupComponent::Shim | SetupComponent::Alias(_) => {
            ui.say("Open a new shell: in this one, `docker-compose` may still be the former program.");
        }
        SetupComponent::Hooks => {
            ui.say("If this repository does not use pre-commit yet, run `pre-commit install` in it.");
        }
        SetupComponent::Timer(_, projects) => {
            if setup::needs_lingering(cx.env, places) {
                ui.say(
                    "A timer of a user runs only while the user is logged in. To have backups at all times, run `loginctl enable-linger`.",
                );
            }
            let all = matches!(projects, BackedUpProjects::All);
            let now = if all { cx.suggest.backup_everything() } else { cx.suggest.backup() };
            ui.suggest("To make the first backups now", now);
        }
    }
}
