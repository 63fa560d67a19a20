//! `verify --repository`: checks the repository, or backups in it, which are copied into a temporary directory.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::access::{self, BytesRead};
use super::choose::{Wanted, choose};
use super::receive::none;
use super::{check, failed, read_data};
use crate::backup::repository::{IndexedRepository, RepositoryAccess, RepositoryError, RepositorySnapshot};
use crate::backup::store::{BackupRoot, Verified};
use crate::cli::{Format, VerifyArgs};
use crate::commands::command_context::CommandContext;
use crate::commands::context::{self, OwnBackups};
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::mode::{Apply, Mode};
use crate::commands::test_restore::{self, Prover};
use crate::commands::{format, interruptible};
use crate::engine::Engine;
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::progress::{Progress as _, Silent, Unit};
use crate::units::Bytes;

/// Checks the repository, or the backups in it that were asked for.
pub(in crate::commands) async fn verify(
    command: &CommandContext,
    args: &VerifyArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let OwnBackups { project, settings, root } = context::own_backups(command).await?;
    let access = access::of_settings(command, (&project, &settings), &command.suggest)?;
    if args.backup.is_none() && !args.prove {
        let read = read_data(args.repository.read_data, args.repository.read_data_subset);
        return check(command, access, read, output).await;
    }
    let name = access.location.to_string();
    let unreadable = |error| failed("the repository could not be read", error);
    let (repository, mut all) = access::open(access.clone()).await.map_err(unreadable)?;
    all.retain(|one| one.stored.manifest.project == project.name);
    let chosen = chosen(&all, args.backup.as_deref());
    if chosen.is_empty() {
        return Err(none(&name, &project.name, args.backup.as_deref(), &command.suggest));
    }
    let apply = match mode {
        Mode::Apply(apply) => apply,
        Mode::DryRun => {
            let change = |one: &RepositorySnapshot| {
                let action = if args.prove { "test-restore" } else { "read" };
                PlannedChange::new(action, format!("`{}`", one.stored.name))
                    .with(format!("a temporary copy from {name}"))
            };
            return Ok(DryRun::new("verify", chosen.iter().map(change).collect()).show(&command.ui, output));
        }
    };
    let repository = Arc::new(access::blocking(move || repository.indexed()).await.map_err(unreadable)?);
    let engine =
        if args.prove { Some(context::connect(command).await.map_err(context::no_engine)?) } else { None };
    let verification = RepositoryVerification {
        command,
        root: &root,
        access,
        repository,
        engine: engine.as_deref(),
        is_named: args.backup.is_some(),
        apply,
    };
    verification.run(chosen, output).await
}

/// The backups of that name or in that set, or the newest one of that service, or of each.
fn chosen(all: &[RepositorySnapshot], wanted: Option<&str>) -> Vec<RepositorySnapshot> {
    let named = choose(all, Wanted { name: wanted, store: None });
    if named.is_empty() { choose(all, Wanted { name: None, store: wanted }) } else { named }
}

struct RepositoryVerification<'a> {
    command: &'a CommandContext,
    root: &'a BackupRoot,
    access: RepositoryAccess,
    repository: Arc<IndexedRepository>,
    /// Where backups are test-restored, if they are.
    engine: Option<&'a dyn Engine>,
    is_named: bool,
    apply: Apply,
}

impl RepositoryVerification<'_> {
    async fn run(&self, chosen: Vec<RepositorySnapshot>, output: Format) -> Result<Exit, Failure> {
        let mut failures = Vec::new();
        let mut results = Vec::new();
        let is_one = chosen.len() == 1;
        for one in chosen {
            let name = one.stored.name.clone();
            let verified = self.one(one).await;
            results.push(to_json(&name, &verified));
            match verified {
                Ok(_) => {}
                // Ctrl-C means all of them.
                Err(failure) if matches!(failure.exit, Exit::Signal(_)) => return Err(failure),
                Err(failure) => failures.push(failure),
            }
        }
        if output == Format::Json {
            self.command.ui.result(format::json(&json!({
                "repository": self.repository.name(),
                "backups": results,
            })));
        }
        if is_one && let Some(failure) = failures.pop() {
            return Err(failure);
        }
        let mut exit = Exit::Success;
        for failure in &failures {
            self.command.ui.failure(failure);
            exit = worst(exit, failure.exit);
        }
        Ok(exit)
    }

    /// Copies a backup, which verifies it, and test-restores it if that was asked for. The copy is removed whatever happens.
    async fn one(&self, one: RepositorySnapshot) -> Result<&'static str, Failure> {
        let name = one.stored.name.clone();
        let untried = |error: anyhow::Error| {
            Failure::new(Exit::Unverified, format!("`{name}` could not be copied from the repository"))
                .because(error)
                .say("This says nothing about the backup.")
        };
        let directory = tempfile::Builder::new()
            .prefix("safe-compose-")
            .tempdir()
            .map_err(|error| untried(error.into()))?;
        let received = interruptible(async { Ok(self.receive(one, directory).await) }).await?;
        let (verified, _directory) = match received {
            Ok(received) => received,
            Err(error) if self.is_damage(&error).await => {
                return Err(Failure::new(
                    Exit::DataMissing,
                    format!("`{name}` in the repository is damaged"),
                )
                .because(error)
                .say("The repository was not changed.")
                .run("To find out what is damaged", self.command.suggest.repository_check())
                .run("To list the other backups", self.command.suggest.repository_backups()));
            }
            Err(error) => {
                return Err(untried(error.into()).say("Temporary files are in the directory of `TMPDIR`."));
            }
        };
        let ui = &self.command.ui;
        let Some(engine) = self.engine else {
            ui.good(format!(
                "`{name}` in the repository is valid: {}; all of it was read ({}).",
                format::contents(&verified.manifest.fingerprint),
                Bytes(verified.bytes()),
            ));
            return Ok("readable");
        };
        let manifest = &verified.manifest;
        if !self.is_named && manifest.kind.driver().test_restore(&manifest.image).is_none() {
            ui.good(format!("`{name}` in the repository is valid: all of it was read."));
            ui.say("It is a backup of files: there is no server to test-restore it into.");
            return Ok("readable");
        }
        self.test(engine, verified).await
    }

    /// The directory goes with what is written into it, so that it is removed when the last of that was.
    async fn receive(
        &self,
        one: RepositorySnapshot,
        directory: TempDir,
    ) -> Result<(Verified, TempDir), RepositoryError> {
        let root = BackupRoot::at(directory.path());
        let root = match self.root.owner() {
            Some(owner) => root.owned_by(owner.clone()),
            None => root,
        };
        let total = one.stored.bytes();
        let task =
            self.command.ui.meter().begin(&format!("reading {}", one.stored.name), Unit::Bytes, Some(total));
        let repository = Arc::clone(&self.repository);
        let work = move |advance: BytesRead| {
            let received = repository.receive(&one, &root, &move |bytes| advance.by(bytes), &Silent)?;
            Ok((received, directory))
        };
        access::blocking_showing(task.as_ref(), work).await
    }

    async fn test(&self, engine: &dyn Engine, mut backup: Verified) -> Result<&'static str, Failure> {
        let command = self.command;
        let name = backup.name();
        let local = engine.identity().await.map_err(context::no_engine)?.local;
        let prover = Prover {
            ui: &command.ui,
            engine,
            local,
            root: self.root,
            ready_timeout: command.ready_timeout(),
        };
        command.record.will(format!("test-restores {name} from {}", self.repository.name()));
        command.record.begin(self.apply);
        let tried = interruptible(async {
            prover.prove(self.apply, &mut backup).await.map_err(|error| {
                Failure::new(Exit::Unverified, format!("`{name}` could not be test-restored"))
                    .because(error)
                    .say("This says nothing about the backup.")
            })
        })
        .await?;
        match test_restore::verdict(&tried) {
            None => {
                test_restore::report(&command.ui, &backup, &tried);
                Ok("restored")
            }
            Some(reasons) => Err(Failure::new(Exit::DataMissing, format!("`{name}` cannot be restored"))
                .because(reasons)
                .say("The repository was not changed. Running services were not touched.")
                .run("To list the other backups", command.suggest.repository_backups())),
        }
    }

    /// Whether a backup is damaged. What cannot be read from a repository that answers is.
    async fn is_damage(&self, error: &RepositoryError) -> bool {
        match error {
            RepositoryError::Damaged { .. } | RepositoryError::Incomplete(_) => true,
            RepositoryError::Unreadable { source, .. } if source.kind() != io::ErrorKind::Other => false,
            RepositoryError::Unreadable { .. } | RepositoryError::Failed { .. } => {
                access::open(self.access.clone()).await.is_ok()
            }
            _ => false,
        }
    }
}

/// What is damaged is worse than what could not be tried.
fn worst(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Success, other) | (Exit::Unverified, other @ Exit::DataMissing) => other,
        (one, _) => one,
    }
}

fn to_json(name: &str, verified: &Result<&'static str, Failure>) -> Value {
    let (result, error) = match verified {
        Ok(proof) => (*proof, None),
        Err(failure) if failure.exit == Exit::DataMissing => ("damaged", Some(failure)),
        Err(failure) => ("untried", Some(failure)),
    };
    let error = error.map(|failure| match &failure.cause {
        Some(cause) => format!("{failure}: {}", causes(cause)),
        None => failure.to_string(),
    });
    json!({ "backup": name, "result": result, "error": error })
}
