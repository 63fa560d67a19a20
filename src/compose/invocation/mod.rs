//! A command line, parsed without loss: the arguments for Compose byte by byte, the `--safe-` flags taken out, and how
//! Compose reads the rest under each of its grammars.
//!
//! Nothing here does I/O. [`Invocation`] separates the arguments and resolves nothing; [`Reading`] is what one grammar
//! understands.

mod docopt;
mod engine;
mod extract;
mod pflag;
mod reading;
mod safe;

use std::ffi::OsString;

use super::grammar::Grammar;

pub use engine::{EngineReading, read_engine};
pub use reading::{Flag, Globals, Reading};
pub use safe::{Format, SafeFlags, UsageError};

/// Our own commands and their aliases; none is a command of Compose.
pub const OWN_COMMANDS: &[&str] = &[
    "backup",
    "backups",
    "check",
    "completions",
    "export-data",
    "history",
    "import",
    "import-data",
    "lint",
    "man",
    "protect",
    "repository",
    "restore",
    "setup",
    "status",
    "trust",
    "undo",
    "unprotect",
    "upgrade",
    "verify",
];

/// Who started the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Caller {
    /// A person or a script: the arguments are those of `docker-compose`.
    #[default]
    Person,
    /// `docker`, as its plugin: its own global flags and `compose` come first.
    Docker,
}

/// The arguments of one run, separated but not interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    caller: Caller,
    /// The arguments for Compose.
    words: Vec<OsString>,
    /// Where Compose's own arguments begin: after `compose` when `docker` is the caller; `None` when it asks for
    /// something else, such as plugin metadata.
    root: Option<usize>,
    /// The position of one of our own commands.
    own: Option<usize>,
    safe: SafeFlags,
}

impl Invocation {
    /// Parses the arguments after the program's name, as a person types them.
    ///
    /// A leading `compose` selects Compose's own command, whatever follows; it is dropped.
    #[cfg(any(test, feature = "internals"))]
    pub fn parse(words: Vec<OsString>) -> Result<Self, UsageError> {
        Self::parse_from(Caller::Person, words)
    }

    /// Parses the arguments after the program's name, from any caller.
    pub fn parse_from(caller: Caller, words: Vec<OsString>) -> Result<Self, UsageError> {
        extract::extract(caller, words)
    }

    /// Every argument for Compose, byte for byte as typed.
    pub fn compose_words(&self) -> Vec<OsString> {
        self.words.clone()
    }

    /// The `--safe-` flags.
    pub fn safe(&self) -> &SafeFlags {
        &self.safe
    }

    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// The arguments for Compose: those after `compose` if `docker` called.
    pub fn behind_compose(&self) -> &[OsString] {
        self.root.map_or(&[], |root| &self.words[root..])
    }

    /// `docker --config DIR`: the directory that replaces `DOCKER_CONFIG`.
    pub fn docker_config(&self) -> Option<OsString> {
        if self.caller != Caller::Docker {
            return None;
        }
        pflag::docker_config(&self.words[..self.root?.saturating_sub(1)])
    }

    /// One of our own commands in the subcommand's place: the arguments before it, itself, and those after it.
    pub fn own_command(&self) -> Option<(Vec<OsString>, OsString, Vec<OsString>)> {
        let at = self.own?;
        let globals = self.words[self.root.unwrap_or(0)..at].to_vec();
        Some((globals, self.words[at].clone(), self.words[at + 1..].to_vec()))
    }

    /// How a Compose of this grammar reads the arguments. One of our own commands is no subcommand of Compose.
    pub fn read(&self, grammar: Grammar) -> Reading {
        let Some(root) = self.root else {
            return Reading::empty(grammar, self.caller);
        };
        let (docker, compose) = self.words.split_at(root);
        let mut reading = match (grammar, self.caller) {
            (Grammar::V1, _) => docopt::read(self.caller, compose),
            (Grammar::V2, Caller::Person) => pflag::read_standalone(compose),
            (Grammar::V2, Caller::Docker) => pflag::read_plugin(docker, compose),
        };
        if self.own.is_some() {
            reading.subcommand = None;
        }
        reading
    }

    /// Whether the command may stop a service or lose its data, under either grammar. Cheap; errs towards `true`.
    pub fn is_guarded(&self) -> bool {
        if self.own.is_some() || self.root.is_none() {
            return false;
        }
        let guarded = |grammar| {
            let reading = self.read(grammar);
            reading.may_act() && reading.may_be_guarded(&self.words)
        };
        // `docker` does not run Compose V1 as a plugin.
        guarded(Grammar::V2) || (self.caller == Caller::Person && guarded(Grammar::V1))
    }
}

#[cfg(test)]
mod tests;
