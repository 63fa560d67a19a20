//! The grammars of the two Composes: every subcommand and every flag, as tables.
//!
//! V2 is Go and parses with pflag; V1 is Python and parses with docopt. The tables are held against the recorded
//! `--help` texts of 2.40.3 and 1.29.2 by a test; what no help text shows is listed there by name.

mod engine;
mod v1;
mod v2;

use std::fmt;

pub use engine::EngineCommand;
pub use v2::DOCKER_ROOT;

/// Which Compose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grammar {
    /// `docker-compose` 1.x.
    V1,
    /// `docker compose`, 2 and later.
    V2,
}

impl fmt::Display for Grammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "Compose V1",
            Self::V2 => "Compose V2",
        })
    }
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// Nothing; V2 also accepts `=true` and the like.
    Switch,
    /// An integer.
    Number,
    /// Any text; given twice, V2 keeps the last and V1 refuses.
    Text,
    /// Any text, repeatable.
    Many,
}

impl Arity {
    pub fn takes_value(self) -> bool {
        match self {
            Self::Switch => false,
            Self::Number | Self::Text | Self::Many => true,
        }
    }
}

/// One flag of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagSpec {
    /// The canonical name: its long name, without dashes.
    pub name: &'static str,
    pub short: Option<char>,
    /// Whether the name is accepted as a long flag; V1 has flags with a short form only.
    pub long: bool,
    /// Other long names.
    pub aliases: &'static [&'static str],
    pub arity: Arity,
    /// No help text of the recorded versions lists it.
    pub hidden: bool,
}

impl FlagSpec {
    const fn new(name: &'static str, arity: Arity) -> Self {
        Self { name, short: None, long: true, aliases: &[], arity, hidden: false }
    }

    const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    const fn only_short(self, short: char) -> Self {
        Self { short: Some(short), long: false, ..self }
    }

    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// Every long name that is accepted.
    pub fn long_names(&self) -> impl Iterator<Item = &'static str> {
        self.long.then_some(self.name).into_iter().chain(self.aliases.iter().copied())
    }
}

const fn switch(name: &'static str) -> FlagSpec {
    FlagSpec::new(name, Arity::Switch)
}

const fn number(name: &'static str) -> FlagSpec {
    FlagSpec::new(name, Arity::Number)
}

const fn text(name: &'static str) -> FlagSpec {
    FlagSpec::new(name, Arity::Text)
}

const fn many(name: &'static str) -> FlagSpec {
    FlagSpec::new(name, Arity::Many)
}

/// One subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandSpec {
    pub name: &'static str,
    pub flags: &'static [FlagSpec],
    /// Whether it takes operands.
    pub operands: bool,
    /// Whether everything after its first operand belongs to another program: `run` and `exec`.
    pub stops_at_operand: bool,
}

impl CommandSpec {
    const fn new(name: &'static str, flags: &'static [FlagSpec]) -> Self {
        Self { name, flags, operands: true, stops_at_operand: false }
    }

    const fn stops(self) -> Self {
        Self { stops_at_operand: true, ..self }
    }

    const fn alone(self) -> Self {
        Self { operands: false, ..self }
    }
}

impl Grammar {
    /// The flags before the subcommand.
    pub fn root(self) -> &'static [FlagSpec] {
        match self {
            Self::V1 => v1::ROOT,
            Self::V2 => v2::ROOT,
        }
    }

    /// The flags that every subcommand takes.
    pub fn everywhere(self) -> &'static [FlagSpec] {
        match self {
            Self::V1 => v1::EVERYWHERE,
            Self::V2 => v2::EVERYWHERE,
        }
    }

    pub fn commands(self) -> &'static [CommandSpec] {
        match self {
            Self::V1 => v1::COMMANDS,
            Self::V2 => v2::COMMANDS,
        }
    }

    pub fn command(self, word: &str) -> Option<&'static CommandSpec> {
        self.commands().iter().find(|command| command.name == word)
    }
}

/// Whether a word is a subcommand of that Compose.
#[cfg(test)]
pub fn is_subcommand(grammar: Grammar, word: &str) -> bool {
    grammar.command(word).is_some()
}

/// The flag with exactly this long name, in the first table that has it.
pub fn by_long(tables: &[&'static [FlagSpec]], name: &str) -> Option<&'static FlagSpec> {
    tables.iter().flat_map(|table| table.iter()).find(|spec| spec.long_names().any(|long| long == name))
}

/// The flag with this letter, in the first table that has it.
pub fn by_short(tables: &[&'static [FlagSpec]], letter: char) -> Option<&'static FlagSpec> {
    tables.iter().flat_map(|table| table.iter()).find(|spec| spec.short == Some(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_flags_of_a_command_share_a_name_or_a_letter() {
        for grammar in [Grammar::V1, Grammar::V2] {
            let roots = [("root", grammar.root())];
            let subs = grammar.commands().iter().map(|command| (command.name, command.flags));
            for (name, flags) in roots.into_iter().chain(subs) {
                let all: Vec<_> = flags.iter().chain(grammar.everywhere()).collect();
                for (at, one) in all.iter().enumerate() {
                    for other in &all[at + 1..] {
                        assert!(one.name != other.name, "{grammar} {name}: {}", one.name);
                        assert!(one.short.is_none() || one.short != other.short, "{grammar} {name}: {one:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn words_of_each_grammar() {
        assert!(is_subcommand(Grammar::V2, "watch") && !is_subcommand(Grammar::V1, "watch"));
        assert!(is_subcommand(Grammar::V1, "help") && !is_subcommand(Grammar::V2, "help"));
        assert!(is_subcommand(Grammar::V1, "down") && is_subcommand(Grammar::V2, "down"));
    }
}
