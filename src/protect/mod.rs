//! Keeps volumes from being removed by anybody: by Compose of any version, by `docker volume rm` and by every `prune`.
//!
//! An engine removes no volume that a container mounts, by whatever door the wish comes in. So each protected volume has
//! a holder: a container that mounts it and waits. Measured on engines 20.10 and 26.1:
//! - it has to run: `container prune` and `system prune` remove one that was only created, or has stopped, and
//!   `system prune --volumes` of 20.10 then removes the volume in the same breath;
//! - it must not belong to a Compose project, or `down` removes it with the rest.
//!
//! Nothing here reads or writes the volume: it is mounted read-only, and nothing is copied into it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::own_image::{self, LoadError};
use crate::engine::{Container, ContainerState, Engine, EngineError, HOLDER_LABEL, Holder};
use crate::policy::Clearance;

/// The label with the project that a volume was protected for.
pub const PROJECT_LABEL: &str = "safe-compose.project";

/// The label with the time at which it was.
pub const TIME_LABEL: &str = "safe-compose.time";

/// How safe a volume is from being removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Its holder runs.
    Holding,
    /// It has a holder that does not run: the next `container prune` removes it.
    Stopped,
    /// It has none.
    None,
}

/// What protecting a volume took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtectOutcome {
    /// A holder was made.
    Created,
    /// Its holder had stopped, and runs again.
    Started,
    /// Its holder runs, and nothing was done.
    AlreadyProtected,
}

/// Why a volume could not be protected.
#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("there is no volume `{0}`")]
    NoVolume(String),
    #[error("the engine's machine is `{0}`, and there is no holder program for it")]
    Architecture(String),
    #[error("the holder `{0}` was started and does not run")]
    NotRunning(String),
}

impl From<LoadError> for ProtectError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Engine(error) => Self::Engine(error),
            LoadError::Architecture(machine) => Self::Architecture(machine),
        }
    }
}

/// The name of a volume's holder.
pub fn holder_name(volume: &str) -> String {
    format!("safe-compose-holder-{volume}")
}

/// The holder of a volume: one that runs, if there are several.
pub fn holder_of<'a>(holders: &'a [Container], volume: &str) -> Option<&'a Container> {
    let mut of_volume = holders.iter().filter(|holder| holder.held_volume() == Some(volume));
    let first = of_volume.next()?;
    Some(if holds(first) { first } else { of_volume.find(|holder| holds(holder)).unwrap_or(first) })
}

/// How safe a volume is.
pub fn protection(holders: &[Container], volume: &str) -> Protection {
    match holder_of(holders, volume) {
        Some(holder) if holds(holder) => Protection::Holding,
        Some(_) => Protection::Stopped,
        None => Protection::None,
    }
}

/// A paused one is as safe from every `prune` as one that runs (measured).
fn holds(holder: &Container) -> bool {
    match holder.state {
        ContainerState::Running | ContainerState::Paused => true,
        ContainerState::Created
        | ContainerState::Restarting
        | ContainerState::Exited
        | ContainerState::Dead
        | ContainerState::Removing => false,
    }
}

/// Makes sure that a running holder keeps the volume. Doing it again does nothing.
pub async fn protect(
    engine: &dyn Engine,
    volume: &str,
    project: &str,
) -> Result<ProtectOutcome, ProtectError> {
    let outcome = match holder_of(&engine.holders().await?, volume) {
        Some(holder) if holds(holder) => return Ok(ProtectOutcome::AlreadyProtected),
        Some(holder) => {
            engine.start_holder(&holder.id).await?;
            ProtectOutcome::Started
        }
        None => make(engine, volume, project).await?,
    };
    match protection(&engine.holders().await?, volume) {
        Protection::Holding => Ok(outcome),
        Protection::Stopped | Protection::None => Err(ProtectError::NotRunning(holder_name(volume))),
    }
}

async fn make(engine: &dyn Engine, volume: &str, project: &str) -> Result<ProtectOutcome, ProtectError> {
    // A volume that does not exist would be made, empty.
    if engine.volume(volume).await?.is_none() {
        return Err(ProtectError::NoVolume(volume.to_owned()));
    }
    let image = own_image::load(engine).await?;
    let holder = Holder {
        name: holder_name(volume),
        image: image.to_owned(),
        volume: volume.to_owned(),
        mount_point: own_image::MOUNT_POINT.into(),
        labels: BTreeMap::from([
            (HOLDER_LABEL.to_owned(), volume.to_owned()),
            (PROJECT_LABEL.to_owned(), project.to_owned()),
            (TIME_LABEL.to_owned(), Timestamp::now().to_string()),
        ]),
    };
    match engine.create_holder(&holder).await {
        Ok(()) => Ok(ProtectOutcome::Created),
        // Somebody else may have protected it at the same time.
        Err(error) => match protection(&engine.holders().await?, volume) {
            Protection::Holding => Ok(ProtectOutcome::AlreadyProtected),
            Protection::Stopped | Protection::None => Err(error.into()),
        },
    }
}

/// Ends the protection of a volume. The volume is not touched.
pub async fn unprotect(engine: &dyn Engine, volume: &str, proof: &Clearance) -> Result<(), EngineError> {
    for holder in engine.holders().await?.iter().filter(|holder| holder.held_volume() == Some(volume)) {
        engine.remove_holder(&holder.id, proof).await?;
    }
    Ok(())
}
