//! What belongs before and after each command.

use crate::compose::invocation::Reading;
use crate::settings::BackedCommand;

/// Whether it starts services, so that their places are looked at first.
pub(super) fn starts(reading: &Reading) -> bool {
    match subcommand(reading) {
        "up" | "start" | "create" | "run" | "restart" | "scale" => true,
        "watch" => !reading.is_set("no-up"),
        _ => false,
    }
}

/// Whether servers run afterwards because of it, so that they are compared with their last stop.
pub(super) fn compares(reading: &Reading) -> bool {
    matches!(subcommand(reading), "up" | "start" | "restart")
}

/// Whether it goes on for as long as its services run.
pub(super) fn stays_attached(reading: &Reading) -> bool {
    let ends = ["detach", "no-start", "wait"].iter().any(|flag| reading.is_set(flag));
    subcommand(reading) == "up" && !ends
}

/// Whether its very words can lose data. What cannot runs even where nothing can be found out beforehand: Compose then
/// mostly says itself what is wrong.
pub(super) fn may_lose(reading: &Reading) -> bool {
    let any = |flags: &[&str]| flags.iter().any(|flag| reading.is_set(flag));
    match subcommand(reading) {
        "down" | "rm" | "cp" | "watch" | "scale" => true,
        "wait" => reading.is_set("down-project"),
        "up" | "create" | "run" => {
            any(&[
                "yes",
                "force-recreate",
                "renew-anon-volumes",
                "always-recreate-deps",
                "remove-orphans",
                "watch",
            ]) || reading.value("scale").is_some()
        }
        _ => false,
    }
}

/// Whether a project that cannot be read stops it as well, so that it can be handed over.
pub(super) fn needs_file(reading: &Reading) -> bool {
    !matches!(subcommand(reading), "down" | "rm" | "wait")
}

/// The settings' word for it, where a backup of running servers may belong before it.
pub(super) fn backed(reading: &Reading) -> Option<BackedCommand> {
    match subcommand(reading) {
        "down" => Some(BackedCommand::Down),
        "stop" => Some(BackedCommand::Stop),
        "rm" => Some(BackedCommand::Rm),
        "restart" => Some(BackedCommand::Restart),
        _ => None,
    }
}

/// Whether its services run again when it has ended, with the data they had.
pub(super) fn restarts(reading: &Reading) -> bool {
    subcommand(reading) == "restart"
}

fn subcommand(reading: &Reading) -> &str {
    reading.subcommand.as_deref().unwrap_or_default()
}
