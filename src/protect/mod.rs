//! Protects volumes from deletion by any tool: Compose of any version, `docker volume rm` and `prune`.
//!
//! An engine does not remove a volume that a container mounts. So each protected volume has a holder: a container that
//! mounts it and waits. Measured on engines 20.10 and 26.1:
//! - The holder must be running. `container prune` and `system prune` remove containers that have stopped or were never
//!   started, and `system prune --volumes` of 20.10 then also removes the volume.
//! - It must not belong to a Compose project, because `down` would remove it.
//!
//! The volume is mounted read-only, and nothing reads it or copies files into it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::own_image::{self, LoadError};
use crate::engine::{Container, ContainerState, Engine, EngineError, HOLDER_LABEL, Holder};
use crate::policy::Clearance;

/// The label of a holder with the project of the volume.
pub const PROJECT_LABEL: &str = "safe-compose.project";

/// The label of a holder with its creation time.
pub const TIME_LABEL: &str = "safe-compose.time";

/// Whether a volume is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Its holder is running.
    Holding,
    /// Its holder is not running: the next `container prune` removes it.
    Stopped,
    /// It has no holder.
    None,
}

/// What was done to protect a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtectOutcome {
    /// A holder was created.
    Created,
    /// Its stopped holder was started.
    Started,
    /// Its holder was running already.
    AlreadyProtected,
}

/// Why a volume could not be protected.
#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("no such volume: `{0}`")]
    NoVolume(String),
    #[error("architecture `{0}` is not supported by holder containers")]
    Architecture(String),
    #[error("holder container `{0}` does not keep running")]
    NotRunning(String),
}

impl From<LoadError> for ProtectError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Engine(error) => Self::Engine(error),
            LoadError::Architecture(name) => Self::Architecture(name),
        }
    }
}

/// The container name of a volume's holder.
pub fn holder_name(volume: &str) -> String {
    format!("safe-compose-holder-{volume}")
}

/// The holder of a volume: a running one if there are several.
pub fn holder_of<'a>(holders: &'a [Container], volume: &str) -> Option<&'a Container> {
    let mut of_volume = holders.iter().filter(|holder| holder.held_volume() == Some(volume));
    let first = of_volume.next()?;
    Some(if is_active(first) { first } else { of_volume.find(|holder| is_active(holder)).unwrap_or(first) })
}

/// Whether a volume is protected.
pub fn protection(holders: &[Container], volume: &str) -> Protection {
    match holder_of(holders, volume) {
        Some(holder) if is_active(holder) => Protection::Holding,
        Some(_) => Protection::Stopped,
        None => Protection::None,
    }
}

/// Whether a holder protects its volume. `prune` does not remove a paused holder either (measured).
fn is_active(holder: &Container) -> bool {
    match holder.state {
        ContainerState::Running | ContainerState::Paused => true,
        ContainerState::Created
        | ContainerState::Restarting
        | ContainerState::Exited
        | ContainerState::Dead
        | ContainerState::Removing => false,
    }
}

/// Makes sure that a running holder protects the volume. Does nothing if it is protected already.
pub async fn protect(
    engine: &dyn Engine,
    volume: &str,
    project: &str,
) -> Result<ProtectOutcome, ProtectError> {
    let outcome = match holder_of(&engine.holders().await?, volume) {
        Some(holder) if is_active(holder) => return Ok(ProtectOutcome::AlreadyProtected),
        Some(holder) => {
            engine.start_holder(&holder.id).await?;
            ProtectOutcome::Started
        }
        None => create(engine, volume, project).await?,
    };
    match protection(&engine.holders().await?, volume) {
        Protection::Holding => Ok(outcome),
        Protection::Stopped | Protection::None => Err(ProtectError::NotRunning(holder_name(volume))),
    }
}

async fn create(engine: &dyn Engine, volume: &str, project: &str) -> Result<ProtectOutcome, ProtectError> {
    // The engine would create a missing volume.
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
        // Another process may have protected it at the same time.
        Err(error) => match protection(&engine.holders().await?, volume) {
            Protection::Holding => Ok(ProtectOutcome::AlreadyProtected),
            Protection::Stopped | Protection::None => Err(error.into()),
        },
    }
}

/// Removes the protection of a volume. Does not touch the volume.
pub async fn unprotect(engine: &dyn Engine, volume: &str, proof: &Clearance) -> Result<(), EngineError> {
    for holder in engine.holders().await?.iter().filter(|holder| holder.held_volume() == Some(volume)) {
        engine.remove_holder(&holder.id, proof).await?;
    }
    Ok(())
}
