//! `volume rm`, and `rm --volumes`.

use super::{Hit, Scene, rule};
use crate::compose::grammar::EngineCommand;
use crate::compose::invocation::EngineReading;
use crate::compose::subcommand::GuardedCommand;
use crate::lint::finding::Severity;

rule! {
    /// Finds a script that deletes a volume: `volume rm`, `rm --volumes`.
    ///
    /// ## Why it matters
    ///
    /// `docker volume rm` deletes a volume and all that is in it; `docker compose rm -v` and `docker rm -v` delete the
    /// anonymous volumes of the containers that they remove.
    ///
    /// An anonymous volume is where the data of an image is, when nobody has mounted anything on its data path.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker volume ls -q | xargs docker volume rm
    /// docker compose rm -fsv db
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker volume ls -q
    /// docker compose rm -fs db
    /// ```
    "script-removes-volume", Error, look
}

fn look(scene: &Scene<'_>) -> Option<Hit> {
    if let Some(EngineReading { command, reading }) = &scene.commands.engine {
        match command {
            EngineCommand::VolumeRm => {
                return Some(Hit {
                    severity: Severity::Error,
                    message: "`volume rm` deletes the volume with all its data, unasked".into(),
                    help: "Back the volume up first, or leave it to a person.".into(),
                });
            }
            EngineCommand::Rm if reading.is_set("volumes") => {
                return Some(anonymous("rm --volumes", Severity::Warning));
            }
            EngineCommand::Rm
            | EngineCommand::VolumePrune
            | EngineCommand::SystemPrune
            | EngineCommand::SystemReset
            | EngineCommand::Stop
            | EngineCommand::Restart
            | EngineCommand::Kill => {}
        }
    }
    let removes = scene
        .commands
        .compose
        .iter()
        .any(|reading| reading.guarded() == Some(GuardedCommand::Rm) && reading.is_set("volumes"));
    removes.then(|| anonymous("rm --volumes", Severity::Error))
}

fn anonymous(command: &str, severity: Severity) -> Hit {
    Hit {
        severity,
        message: format!("`{command}` deletes the anonymous volumes of the containers with all their data"),
        help: "Leave `-v` out; what is worth keeping belongs in a named volume.".into(),
    }
}
