//! What was typed, without loss: the words for Compose byte by byte, our own flags taken out, and what Compose will
//! make of the rest under each of its grammars.
//!
//! Nothing here does I/O. `Invocation` parses first and resolves nothing; `Reading` is what one grammar understands.

mod docopt;
mod extract;
mod pflag;
mod reading;
mod safe;

use std::ffi::OsString;

use super::grammar::Grammar;

pub use reading::{Flag, Globals, Reading};
pub use safe::{Format, SafeFlags, UsageError};

/// Our own commands and their aliases; none is a command of Compose's.
pub const OWN_COMMANDS: &[&str] = &[
    "backup",
    "backups",
    "completions",
    "export-data",
    "history",
    "import",
    "import-data",
    "lint",
    "man",
    "protect",
    "restore",
    "status",
    "unprotect",
    "verify",
];

/// The subcommands that can stop a service or lose its data; every other is handed over unread.
pub const WATCHED: &[&str] = &[
    "down", "stop", "rm", "up", "start", "restart", "create", "run", "scale", "kill", "wait", "watch", "cp",
];

/// Who started us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Caller {
    /// A person or a script: the words are `docker-compose`'s.
    #[default]
    Person,
    /// `docker`, as its plugin: its own global flags and the word `compose` come first.
    Docker,
}

/// The words of one run, taken apart but not interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    caller: Caller,
    /// What Compose gets.
    words: Vec<OsString>,
    /// Where Compose's own words begin: behind `compose` when `docker` called; `None` when it called for something
    /// else, such as our metadata.
    root: Option<usize>,
    /// Where one of our own commands stands.
    own: Option<usize>,
    safe: SafeFlags,
}

impl Invocation {
    /// Takes apart the words behind the program's name, as a person types them.
    ///
    /// A first word `compose` means that Compose's own command is meant whatever follows; it is dropped.
    pub fn parse(words: Vec<OsString>) -> Result<Self, UsageError> {
        Self::parse_from(Caller::Person, words)
    }

    /// Takes apart the words behind the program's name, whoever they are from.
    pub fn parse_from(caller: Caller, words: Vec<OsString>) -> Result<Self, UsageError> {
        extract::extract(caller, words)
    }

    /// Every word for Compose, in the bytes it was typed in.
    pub fn compose_words(&self) -> Vec<OsString> {
        self.words.clone()
    }

    /// Our flags.
    pub fn safe(&self) -> &SafeFlags {
        &self.safe
    }

    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// Compose's own words: behind `compose`, where `docker` called.
    pub fn behind_compose(&self) -> &[OsString] {
        self.root.map_or(&[], |root| &self.words[root..])
    }

    /// When one of our own commands stands where a subcommand does: the words before it, itself, and the words behind.
    pub fn own_command(&self) -> Option<(Vec<OsString>, OsString, Vec<OsString>)> {
        let at = self.own?;
        let globals = self.words[self.root.unwrap_or(0)..at].to_vec();
        Some((globals, self.words[at].clone(), self.words[at + 1..].to_vec()))
    }

    /// What a Compose of this grammar makes of the words.
    pub fn read(&self, grammar: Grammar) -> Reading {
        let Some(root) = self.root else {
            return Reading::nothing(grammar, self.caller);
        };
        let (docker, compose) = self.words.split_at(root);
        match (grammar, self.caller) {
            (Grammar::V1, _) => docopt::read(self.caller, compose),
            (Grammar::V2, Caller::Person) => pflag::read_standalone(compose),
            (Grammar::V2, Caller::Docker) => pflag::read_plugin(docker, compose),
        }
    }

    /// Whether the command may touch a service or its data, under either grammar. Cheap; errs towards `true`.
    pub fn is_watched(&self) -> bool {
        if self.own.is_some() || self.root.is_none() {
            return false;
        }
        let watched = |grammar| {
            let reading = self.read(grammar);
            reading.may_act() && reading.watched_word(&self.words)
        };
        // `docker` does not run Compose V1 as a plugin.
        watched(Grammar::V2) || (self.caller == Caller::Person && watched(Grammar::V1))
    }
}

/// What `docker` itself makes of the words behind its name, for those of its commands that can lose data.
pub fn read_engine(words: &[OsString]) -> Option<Reading> {
    pflag::read_engine(words)
}

#[cfg(test)]
mod tests;
