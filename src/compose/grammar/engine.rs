//! The commands of `docker` itself that can lose data or stop a server, with their flags.
//!
//! From `docker COMMAND --help` of 28.5, with what Podman 5 has in addition (hidden).

use super::{FlagSpec, many, number, switch, text};

const VOLUME_RM: &[FlagSpec] =
    &[switch("force").short('f'), switch("all").short('a').hidden(), number("time").short('t').hidden()];

const VOLUME_PRUNE: &[FlagSpec] = &[switch("all").short('a'), many("filter"), switch("force").short('f')];

const SYSTEM_PRUNE: &[FlagSpec] = &[
    switch("all").short('a'),
    switch("build").hidden(),
    switch("external").hidden(),
    many("filter"),
    switch("force").short('f'),
    switch("volumes"),
];

const SYSTEM_RESET: &[FlagSpec] = &[switch("force").short('f')];

const RM: &[FlagSpec] = &[
    switch("all").short('a').hidden(),
    many("cidfile").hidden(),
    switch("depend").hidden(),
    many("filter").hidden(),
    switch("force").short('f'),
    switch("ignore").short('i').hidden(),
    switch("link").short('l'),
    number("time").short('t').hidden(),
    switch("volumes").short('v'),
];

const STOP: &[FlagSpec] = &[
    switch("all").short('a').hidden(),
    text("signal").short('s'),
    number("timeout").short('t').or(&["time"]),
];

const KILL: &[FlagSpec] = &[switch("all").short('a').hidden(), text("signal").short('s')];

/// A command of `docker` that can lose data or stop a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineCommand {
    VolumeRm,
    VolumePrune,
    SystemPrune,
    /// Podman's.
    SystemReset,
    Rm,
    Stop,
    Restart,
    Kill,
}

impl EngineCommand {
    /// The command at the start of some operands, and how many of them are its name.
    pub fn find(operands: &[&str]) -> Option<(Self, usize)> {
        match *operands {
            ["volume", "rm" | "remove", ..] => Some((Self::VolumeRm, 2)),
            ["volume", "prune", ..] => Some((Self::VolumePrune, 2)),
            ["system", "prune", ..] => Some((Self::SystemPrune, 2)),
            ["system", "reset", ..] => Some((Self::SystemReset, 2)),
            ["container", command, ..] => Some((Self::of_container(command)?, 2)),
            [command, ..] => Some((Self::of_container(command)?, 1)),
            [] => None,
        }
    }

    fn of_container(name: &str) -> Option<Self> {
        match name {
            "rm" | "remove" => Some(Self::Rm),
            "stop" => Some(Self::Stop),
            "restart" => Some(Self::Restart),
            "kill" => Some(Self::Kill),
            _ => None,
        }
    }

    /// As it is typed, without its group and aliases.
    pub fn name(self) -> &'static str {
        match self {
            Self::VolumeRm => "volume rm",
            Self::VolumePrune => "volume prune",
            Self::SystemPrune => "system prune",
            Self::SystemReset => "system reset",
            Self::Rm => "rm",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Kill => "kill",
        }
    }

    pub fn flags(self) -> &'static [FlagSpec] {
        match self {
            Self::VolumeRm => VOLUME_RM,
            Self::VolumePrune => VOLUME_PRUNE,
            Self::SystemPrune => SYSTEM_PRUNE,
            Self::SystemReset => SYSTEM_RESET,
            Self::Rm => RM,
            Self::Stop | Self::Restart => STOP,
            Self::Kill => KILL,
        }
    }
}
