//! The words of `docker` itself that can lose data: its own, not Compose's.
//!
//! From `docker COMMAND --help` of 28.5, with what Podman 5 has beside it (hidden). The command's name is its path;
//! `container rm` is `rm`, `remove` is `rm`.

use super::{Command, FlagSpec, many, number, switch, text};

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

/// Every command that is looked at.
pub const ENGINE: &[Command] = &[
    Command::new("volume rm", VOLUME_RM),
    Command::new("volume prune", VOLUME_PRUNE),
    Command::new("system prune", SYSTEM_PRUNE),
    Command::new("system reset", &[switch("force").short('f')]),
    Command::new("rm", RM),
    Command::new("stop", STOP),
    Command::new("restart", STOP),
    Command::new("kill", KILL),
];
