//! `safe-compose trust`: the user agrees to what the settings run and contact, or withdraws that.

use serde_json::{Value, json};

use super::context::{self, CommandContext, OwnBackups};
use super::dry_run::{DryRun, PlannedChange};
use super::mode::{Apply, Mode};
use super::{agreement, format};
use crate::cli::{Format, TrustArgs};
use crate::compose::project::Project;
use crate::env;
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::FsError;
use crate::trust::{
    ActingSetting, ActingSettings, AgreementState, SettingAction, Trust, TrustStore, printable,
};
use crate::ui::{Page, Reply};

/// A project and what the user has agreed to.
struct ProjectTrust {
    project: Project,
    settings: ActingSettings,
    store: TrustStore,
    trust: Trust,
}

pub(super) async fn run(
    command: &CommandContext,
    args: &TrustArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let OwnBackups { project, .. } = context::own_backups(command).await?;
    let settings = agreement::settings(&project);
    let store = agreement::store(command);
    let trust = store.check(&project.directory, &settings);
    let subject = ProjectTrust { project, settings, store, trust };
    if args.show {
        return Ok(show(command, &subject, output));
    }
    match (mode, args.revoke) {
        (Mode::DryRun, revoke) => Ok(dry_run(&subject, revoke).show(&command.ui, output)),
        (Mode::Apply(apply), true) => revoke(command, &subject, apply, output),
        (Mode::Apply(apply), false) => agree(command, &subject, apply, output),
    }
}

fn dry_run(subject: &ProjectTrust, revoke: bool) -> DryRun {
    let directory = subject.project.directory.display();
    if revoke {
        let change = PlannedChange::new("withdraw", format!("your agreement for {directory}"));
        let is_recorded = subject.store.has_record(&subject.project.directory);
        return DryRun::new("trust --revoke", is_recorded.then_some(change).into_iter().collect());
    }
    if !matches!(subject.trust, Trust::Withheld(_)) {
        return DryRun::new("trust", Vec::new());
    }
    let change = |setting: &ActingSetting| {
        PlannedChange::new("activate", format!("`{}`", printable(setting.label())))
            .with(format!("it {}", setting.description()))
    };
    DryRun {
        token: Some(subject.settings.digest()),
        ..DryRun::new("trust", subject.settings.iter().map(change).collect())
    }
}

/// Records the agreement, after a confirmation.
fn agree(
    command: &CommandContext,
    subject: &ProjectTrust,
    apply: Apply,
    output: Format,
) -> Result<Exit, Failure> {
    let ui = &command.ui;
    let name = &subject.project.name;
    match subject.trust {
        Trust::NothingActs => {
            ui.say(format!("the settings of project `{name}` run no programs and contact no hosts."));
            return Ok(finish(command, subject, "nothing-acts", output));
        }
        Trust::Granted(_) => {
            ui.say(format!("you have already agreed to the settings of project `{name}`."));
            return Ok(finish(command, subject, "agreed", output));
        }
        Trust::Withheld(_) => {}
    }
    if !subject.store.can_record() {
        return Err(no_state_directory());
    }
    ui.warn(format!(
        "settings of project `{name}` in {} run programs and contact hosts, with your rights:",
        subject.project.directory.display()
    ));
    ui.text(list(subject));
    confirm(command, subject)?;
    command.record.will("agrees to what the settings run and contact".to_owned());
    command.record.begin(apply);
    subject.store.agree(&subject.project.directory, &subject.settings).map_err(not_written)?;
    ui.good("they are active from now on. If one of them changes, you have to agree again.");
    ui.suggest("To withdraw the agreement", command.suggest.revoke_trust());
    Ok(finish(command, subject, "agreed", output))
}

/// The project's name at a terminal, or the digest of exactly these settings.
fn confirm(command: &CommandContext, subject: &ProjectTrust) -> Result<(), Failure> {
    let digest = subject.settings.digest();
    let refused = |why: &str| {
        command.record.refused();
        let again = command.suggest.again(&format!("--safe-allow={digest}"), &command.words);
        Err(Failure::new(Exit::Refused, format!("the agreement was refused: {why}"))
            .say("The settings stay inactive.")
            .run("To agree to exactly these settings", again)
            .say(format!("In CI, set `{}={digest}` instead.", env::TRUST)))
    };
    match &command.safe.allow {
        Some(token) if *token == digest => return Ok(()),
        Some(_) => return refused("the token belongs to other settings"),
        None if !command.ui.is_terminal() => return refused("there is no terminal to ask on"),
        None => {}
    }
    let denied =
        |exit| Err(Failure::new(exit, "the agreement was not confirmed").say("The settings stay inactive."));
    match command.ui.ask(&subject.project.name) {
        Reply::Typed(word) if word.trim() == subject.project.name => Ok(()),
        Reply::Typed(_) | Reply::EndOfInput => denied(Exit::Refused),
        Reply::Interrupted => denied(Exit::INTERRUPTED),
    }
}

fn revoke(
    command: &CommandContext,
    subject: &ProjectTrust,
    apply: Apply,
    output: Format,
) -> Result<Exit, Failure> {
    let ui = &command.ui;
    let directory = &subject.project.directory;
    if subject.store.has_record(directory) {
        command.record.will("withdraws the agreement to what the settings run and contact".to_owned());
        command.record.begin(apply);
        subject.store.revoke(directory).map_err(not_written)?;
        ui.good("the agreement was withdrawn: the settings run and contact nothing.");
    } else {
        ui.say(format!("there is no agreement for {}.", directory.display()));
    }
    if matches!(agreement::check(command, &subject.project), Trust::Granted(_)) {
        ui.warn(format!("they are still active, because `{}` agrees to them.", env::TRUST));
    }
    Ok(finish(command, subject, "revoked", output))
}

fn finish(command: &CommandContext, subject: &ProjectTrust, result: &str, output: Format) -> Exit {
    if output == Format::Json {
        let digest = subject.settings.digest();
        command.ui.result(format::json(&json!({ "result": result, "digest": digest })));
    }
    Exit::Success
}

fn show(command: &CommandContext, subject: &ProjectTrust, output: Format) -> Exit {
    let is_agreed = matches!(subject.trust, Trust::Granted(_));
    if output == Format::Json {
        command.ui.result(format::json(&json!({
            "format": "safe-compose-trust",
            "format_version": 1,
            "project": subject.project.name,
            "directory": subject.project.directory,
            "digest": subject.settings.digest(),
            "agreed": is_agreed,
            "settings": subject.settings.iter().map(|setting| json(subject, setting)).collect::<Vec<_>>(),
        })));
        return Exit::Success;
    }
    if subject.settings.is_empty() {
        command.ui.paragraph("The settings run no programs and contact no hosts.");
        return Exit::Success;
    }
    let state = if is_agreed { "active" } else { "inactive" };
    command.ui.result(
        list(subject)
            .blank()
            .text(format!("They are {state}. Digest:"))
            .verbatim(format!("  {}", subject.settings.digest())),
    );
    if !is_agreed {
        command.ui.suggest("To activate them", command.suggest.trust());
    }
    Exit::Success
}

fn state(subject: &ProjectTrust, setting: &ActingSetting) -> AgreementState {
    match &subject.trust {
        Trust::Withheld(states) => states.get(setting.label()).copied().unwrap_or(AgreementState::New),
        Trust::NothingActs | Trust::Granted(_) => AgreementState::Agreed,
    }
}

/// One line for each setting.
fn list(subject: &ProjectTrust) -> Page {
    let is_mixed = match &subject.trust {
        Trust::Withheld(states) => states.values().any(|state| *state != AgreementState::New),
        Trust::NothingActs | Trust::Granted(_) => false,
    };
    let line = |setting: &ActingSetting| {
        let mark = match state(subject, setting) {
            AgreementState::New if is_mixed => " (new)",
            AgreementState::Changed => " (changed)",
            AgreementState::New | AgreementState::Agreed => "",
        };
        format!("  {}{mark}: {}", printable(setting.label()), setting.description())
    };
    let lines: Vec<String> = subject.settings.iter().map(line).collect();
    Page::new().text(lines.join("\n"))
}

fn json(subject: &ProjectTrust, setting: &ActingSetting) -> Value {
    let action = match setting.action() {
        SettingAction::Runs => "runs",
        SettingAction::RunsInContainer => "runs-in-container",
        SettingAction::Contacts => "contacts",
        SettingAction::Sets => "sets",
    };
    let state = match state(subject, setting) {
        AgreementState::Agreed => "agreed",
        AgreementState::Changed => "changed",
        AgreementState::New => "new",
    };
    json!({
        "setting": printable(setting.label()),
        "action": action,
        "description": setting.description(),
        "state": state,
    })
}

fn no_state_directory() -> Failure {
    Failure::new(Exit::Unavailable, "the agreement cannot be recorded: HOME is not set").say(format!(
        "The settings stay inactive. Set HOME, or set `{}` to the digest that `trust --show` prints.",
        env::TRUST
    ))
}

fn not_written(error: FsError) -> Failure {
    Failure::new(Exit::Unavailable, "the agreement cannot be recorded")
        .because(error)
        .say("Nothing was changed.")
}
