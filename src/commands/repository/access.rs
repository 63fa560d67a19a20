//! The repository of a project's settings.

use std::num::NonZeroU32;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::backup::repository::{
    LocationError, OpenRepository, RateLimits, RepositoryAccess, RepositoryError, RepositoryLocation,
    RepositorySnapshot, find_password,
};
use crate::commands::agreement;
use crate::commands::command_context::CommandContext;
use crate::compose::project::Project;
use crate::error::Failure;
use crate::exit::Exit;
use crate::progress::Task;
use crate::settings::{RepositorySettings, Settings};
use crate::suggest::Suggest;
use crate::trust::Trust;

/// The repository in the settings, which the user has agreed to.
pub(super) fn of_settings(
    command: &CommandContext,
    (project, settings): (&Project, &Settings),
    suggest: &Suggest,
) -> Result<RepositoryAccess, Failure> {
    let Some(repository) = &settings.backup.repository else {
        return Err(Failure::new(Exit::Usage, "the settings name no repository")
            .say("Set `backup.repository` under `x-safe-compose` in the Compose file: docs/repository.md."));
    };
    match agreement::check(command, project) {
        Trust::Granted(_) => {}
        Trust::Withheld(_) | Trust::NothingActs => {
            return Err(Failure::new(
                Exit::Refused,
                "the repository in the Compose file was not contacted: you have not agreed to it",
            )
            .run("To see what the settings run and contact, and to agree", suggest.trust()));
        }
    }
    locate(command, (project, repository), &repository.url)
}

/// A repository that was named on the command line. Its password is not that of the settings, unless the user has agreed to
/// them.
pub(super) fn named(
    command: &CommandContext,
    (project, settings): (&Project, &Settings),
    url: &str,
) -> Result<RepositoryAccess, Failure> {
    let agreed = matches!(agreement::check(command, project), Trust::Granted(_));
    let none = RepositorySettings {
        url: String::new(),
        password_file: None,
        password_command: None,
        required: false,
        limit_upload: 0,
        limit_download: 0,
    };
    let repository = settings.backup.repository.as_ref().filter(|_| agreed).unwrap_or(&none);
    locate(command, (project, repository), url)
}

fn locate(
    command: &CommandContext,
    (project, repository): (&Project, &RepositorySettings),
    url: &str,
) -> Result<RepositoryAccess, Failure> {
    let unusable =
        |error: LocationError| Failure::new(Exit::Usage, "the repository cannot be used").because(error);
    let location = match RepositoryLocation::parse(url).map_err(unusable)? {
        RepositoryLocation::Local(path) => {
            // Without `.` in between.
            RepositoryLocation::Local(project.directory.join(path).components().collect())
        }
        other => other,
    };
    let password = find_password(&command.env, repository, &project.directory).map_err(|error| {
        Failure::new(Exit::Usage, "the repository cannot be opened").because(error).say(
            "Set `SAFE_COMPOSE_REPOSITORY_PASSWORD`, or `password_file` or `password_command` beside the URL.",
        )
    })?;
    let rates =
        RateLimits::new(NonZeroU32::new(repository.limit_upload), NonZeroU32::new(repository.limit_download));
    Ok(RepositoryAccess::new(&command.env, location, password, rates))
}

/// A repository, and the backups in it, oldest first.
pub(super) type OpenedRepository = (OpenRepository, Vec<RepositorySnapshot>);

/// Opens a repository, and lists the backups in it.
pub(super) async fn open(access: RepositoryAccess) -> Result<OpenedRepository, RepositoryError> {
    blocking(move || {
        let repository = access.open()?;
        let backups = repository.backups()?;
        Ok((repository, backups))
    })
    .await
}

/// Told how many bytes were read.
#[derive(Clone)]
pub(super) struct BytesRead(UnboundedSender<u64>);

impl BytesRead {
    /// Whether anybody still listens. After Ctrl-C nobody does.
    pub(super) fn by(&self, bytes: u64) -> bool {
        self.0.send(bytes).is_ok()
    }
}

/// Runs what blocks on another thread, and shows how far it is.
pub(super) async fn blocking_showing<T: Send + 'static>(
    task: &dyn Task,
    work: impl FnOnce(BytesRead) -> T + Send + 'static,
) -> T {
    let (advance, mut seen) = unbounded_channel();
    let show = async {
        while let Some(bytes) = seen.recv().await {
            task.advance(bytes);
        }
    };
    let (done, ()) = tokio::join!(blocking(move || work(BytesRead(advance))), show);
    done
}

/// Runs what blocks on another thread.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
