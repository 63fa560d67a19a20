//! Holds the tables of the two grammars against the recorded help texts: 2.40.3 and 1.29.2.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use safe_compose::compose::grammar::{Arity, FlagSpec, Grammar, by_long, by_short};

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

/// A flag as a help text shows it.
#[derive(Debug)]
struct Shown {
    long: Option<String>,
    short: Option<char>,
    takes_value: bool,
}

fn help(grammar: Grammar) -> Vec<(String, String)> {
    let name = match grammar {
        Grammar::V1 => "v1",
        Grammar::V2 => "v2",
    };
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help").join(name);
    let mut texts: Vec<_> = fs::read_dir(directory)
        .expect("recorded help")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let command = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (command, fs::read_to_string(path).expect("readable"))
        })
        .collect();
    texts.sort();
    texts
}

/// The flags of a help text: lines that begin with one. In V2's a description may too, further to the right; in V1's
/// docopt itself takes such a line for a flag.
fn shown(grammar: Grammar, text: &str) -> Vec<Shown> {
    let indent = match grammar {
        Grammar::V1 => usize::MAX,
        Grammar::V2 => 6,
    };
    text.lines()
        .filter(|line| line.len() - line.trim_start().len() <= indent)
        .map(str::trim_start)
        .filter(|line| line.starts_with('-') && !line.starts_with("- "))
        .map(|line| {
            let columns = line.split("  ").next().expect("at least one column").replace([',', '='], " ");
            let mut shown = Shown { long: None, short: None, takes_value: false };
            for word in columns.split_whitespace() {
                if let Some(long) = word.strip_prefix("--") {
                    shown.long = Some(long.to_owned());
                } else if let Some(short) = word.strip_prefix('-') {
                    shown.short = short.chars().next();
                } else {
                    shown.takes_value = true;
                }
            }
            shown
        })
        .collect()
}

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
