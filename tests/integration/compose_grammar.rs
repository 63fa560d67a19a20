//! Holds the tables of the two grammars against the recorded help texts: 2.40.3 and 1.29.2.

use std::collections::BTreeSet;

use safe_compose::compose::grammar::{Arity, FlagSpec, Grammar, by_long, by_short};

use crate::help_texts::{help, shown};

/// What no recorded help text shows, by command: hidden flags, and those of other versions.
const HIDDEN_V2: &[(&str, &[&str])] = &[
    ("root", &["workdir", "version", "no-ansi", "verbose", "insecure-registry"]),
    ("build", &["parallel", "compress", "force-rm", "no-rm", "progress"]),
    ("exec", &["interactive", "tty"]),
    ("publish", &["insecure-registry"]),
    ("pull", &["parallel", "no-parallel"]),
    ("rm", &["all"]),
    ("run", &["tty"]),
    ("start", &["wait", "wait-timeout"]),
];

fn flags(grammar: Grammar, command: &str) -> &'static [FlagSpec] {
    match command {
        "root" => grammar.root(),
        name => {
            grammar.command(name).unwrap_or_else(|| panic!("{grammar} has no `{name}` in its table")).flags
        }
    }
}

#[test]
fn every_flag_that_help_shows_is_in_the_tables() {
    for grammar in [Grammar::V1, Grammar::V2] {
        for (command, text) in help(grammar) {
            let tables = [flags(grammar, &command), grammar.everywhere()];
            for shown in shown(grammar, &text) {
                let spec = match (&shown.long, shown.short) {
                    (Some(long), _) => by_long(&tables, long),
                    (None, Some(short)) => by_short(&tables, short),
                    (None, None) => None,
                };
                let spec =
                    spec.unwrap_or_else(|| panic!("{grammar} {command}: {shown:?} is not in the table"));
                assert_eq!(spec.arity != Arity::Switch, shown.takes_value, "{grammar} {command}: {shown:?}");
                assert_eq!(spec.short, shown.short, "{grammar} {command}: {shown:?}");
                assert!(!spec.hidden, "{grammar} {command}: {shown:?} is not hidden");
            }
        }
    }
}

#[test]
fn every_flag_in_the_tables_is_shown_or_listed_as_hidden() {
    for grammar in [Grammar::V1, Grammar::V2] {
        for (command, text) in help(grammar) {
            let shown = shown(grammar, &text);
            let hidden: BTreeSet<&str> = match grammar {
                Grammar::V1 => BTreeSet::new(),
                Grammar::V2 => HIDDEN_V2
                    .iter()
                    .filter(|(name, _)| *name == command)
                    .flat_map(|(_, flags)| *flags)
                    .copied()
                    .collect(),
            };
            for spec in flags(grammar, &command) {
                let visible = shown.iter().any(|shown| {
                    shown
                        .long
                        .as_deref()
                        .map_or(shown.short == spec.short, |long| spec.long_names().any(|n| n == long))
                });
                assert!(visible != hidden.contains(spec.name), "{grammar} {command}: --{}", spec.name);
                assert_eq!(spec.hidden, !visible, "{grammar} {command}: --{}", spec.name);
            }
        }
    }
}

#[test]
fn every_command_has_its_help_recorded() {
    for grammar in [Grammar::V1, Grammar::V2] {
        let recorded: Vec<String> =
            help(grammar).into_iter().map(|(name, _)| name).filter(|n| n != "root").collect();
        let mut tabled: Vec<&str> = grammar.commands().iter().map(|command| command.name).collect();
        tabled.sort_unstable();
        assert_eq!(recorded, tabled, "{grammar}");
        let (_, root) = help(grammar).into_iter().find(|(name, _)| name == "root").expect("recorded");
        let (_, listed) = root.split_once("ommands:\n").expect("a list of commands");
        for word in listed
            .lines()
            .filter(|line| line.starts_with("  "))
            .filter_map(|line| line.split_whitespace().next())
        {
            assert!(tabled.contains(&word), "{grammar}: `{word}` is listed but not in the table");
        }
    }
}

#[test]
fn the_reader_of_help_texts_sees_what_it_should() {
    let text = "Options:\n  -t, --timeout int      Say\n      --rmi string       x\n  -v, --volumes   y\n  -T     z\n- word";
    let shown: Vec<_> =
        shown(Grammar::V2, text).into_iter().map(|s| (s.long, s.short, s.takes_value)).collect();
    assert_eq!(
        shown,
        [
            (Some("timeout".to_owned()), Some('t'), true),
            (Some("rmi".to_owned()), None, true),
            (Some("volumes".to_owned()), Some('v'), false),
            (None, Some('T'), false),
        ]
    );
}
