//! The subcommands of Compose: one table of names, and which of them the guard looks at.
//!
//! What a guarded command does, with its flags, is answered in [`super::actions`]. Each answer matches
//! [`GuardedCommand`] exhaustively, so a new guarded command does not compile until every question has an answer.

use std::fmt;

/// A subcommand of Compose, of either grammar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subcommand {
    /// It can stop a service or lose its data.
    Guarded(GuardedCommand),
    /// It can do neither, whatever its flags; it is handed over unread.
    Harmless(HarmlessCommand),
    /// A word of no known Compose. A newer one may know it, so it is guarded: it may do anything.
    Unknown(String),
}

/// Declares an enum together with the one table of its names.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($variant),* }

        impl $type {
            #[cfg(any(test, feature = "internals"))]
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As it is typed.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The command with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names! {
    /// The subcommands that can stop a service or lose its data.
    GuardedCommand {
        Cp = "cp",
        Create = "create",
        Down = "down",
        Kill = "kill",
        Restart = "restart",
        Rm = "rm",
        Run = "run",
        Scale = "scale",
        Start = "start",
        Stop = "stop",
        Up = "up",
        Wait = "wait",
        Watch = "watch",
    }
}

names! {
    /// The subcommands that leave services and their data alone, and those that `docker` and shells call.
    HarmlessCommand {
        Alpha = "alpha",
        Attach = "attach",
        Bridge = "bridge",
        Build = "build",
        Commit = "commit",
        Complete = "__complete",
        CompleteNoDescriptions = "__completeNoDesc",
        Completion = "completion",
        Config = "config",
        Convert = "convert",
        Events = "events",
        Exec = "exec",
        Export = "export",
        Help = "help",
        Images = "images",
        Logs = "logs",
        Ls = "ls",
        Pause = "pause",
        PluginHooks = "docker-cli-plugin-hooks",
        PluginMetadata = "docker-cli-plugin-metadata",
        Port = "port",
        Ps = "ps",
        Publish = "publish",
        Pull = "pull",
        Push = "push",
        Stats = "stats",
        Top = "top",
        Unpause = "unpause",
        Version = "version",
        Volumes = "volumes",
    }
}

impl Subcommand {
    pub fn from_name(name: &str) -> Self {
        match (GuardedCommand::from_name(name), HarmlessCommand::from_name(name)) {
            (Some(command), _) => Self::Guarded(command),
            (None, Some(command)) => Self::Harmless(command),
            (None, None) => Self::Unknown(name.to_owned()),
        }
    }

    /// As it is typed.
    pub fn name(&self) -> &str {
        match self {
            Self::Guarded(command) => command.name(),
            Self::Harmless(command) => command.name(),
            Self::Unknown(name) => name,
        }
    }

    #[cfg(any(test, feature = "internals"))]
    pub fn is_guarded(&self) -> bool {
        match self {
            Self::Guarded(_) | Self::Unknown(_) => true,
            Self::Harmless(_) => false,
        }
    }
}

impl fmt::Display for Subcommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::grammar::Grammar;

    #[test]
    fn every_command_of_both_grammars_has_a_variant() {
        for grammar in [Grammar::V1, Grammar::V2] {
            for command in grammar.commands() {
                let subcommand = Subcommand::from_name(command.name);
                assert!(!matches!(subcommand, Subcommand::Unknown(_)), "{grammar}: {}", command.name);
                assert_eq!(subcommand.name(), command.name);
            }
        }
        for command in GuardedCommand::ALL {
            assert!(Grammar::V2.command(command.name()).is_some(), "{command} is in no grammar");
        }
    }

    #[test]
    fn an_unknown_subcommand_is_guarded() {
        let unknown = Subcommand::from_name("obliterate");
        assert!(unknown.is_guarded());
        assert_eq!(unknown.name(), "obliterate");
        assert!(!Subcommand::from_name("ps").is_guarded());
    }
}
