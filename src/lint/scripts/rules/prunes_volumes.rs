//! `volume prune`, and `system prune --volumes`.

use super::{Hit, Scene, rule};
use crate::compose::grammar::EngineCommand;
use crate::compose::invocation::EngineReading;
use crate::lint::finding::Severity;

rule! {
    /// Finds a script that deletes every volume that is not in use: `volume prune`, `system prune --volumes`.
    ///
    /// ## Why it matters
    ///
    /// `docker volume prune` and `docker system prune --volumes` delete every volume that no container uses at that moment.
    ///
    /// A stack that is down uses none. Up to Docker 22 these commands take named volumes too; from 23 on only anonymous
    /// ones, unless `volume prune` is given `--all`. A script does not know which Docker it meets.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker system prune -af --volumes
    /// docker volume prune --force
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker system prune -af
    /// docker image prune --force
    /// ```
    "script-prunes-volumes", Error, look
}

fn look(scene: &Scene<'_>) -> Option<Hit> {
    let EngineReading { command, reading } = scene.commands.engine.as_ref()?;
    let message = match command {
        EngineCommand::VolumePrune if reading.is_set("all") => {
            "`volume prune --all` deletes every volume that no container uses at the moment, named ones too"
        }
        EngineCommand::VolumePrune => {
            "`volume prune` deletes the volumes that no container uses at the moment; before Docker 23 named ones too"
        }
        EngineCommand::SystemPrune if reading.is_set("volumes") => {
            "`system prune --volumes` deletes the volumes that no container uses at the moment; before Docker 23 named \
             ones too"
        }
        EngineCommand::SystemReset => "`system reset` deletes every volume of this user",
        EngineCommand::SystemPrune
        | EngineCommand::VolumeRm
        | EngineCommand::Rm
        | EngineCommand::Stop
        | EngineCommand::Restart
        | EngineCommand::Kill => return None,
    };
    Some(Hit {
        severity: Severity::Error,
        message: message.into(),
        help: "Prune images, containers and networks by themselves, and leave volumes to a person; `safe-compose \
               protect` keeps a project's volumes from every prune."
            .into(),
    })
}
