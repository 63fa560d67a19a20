//! The recorded `--help` texts of Compose 2.40.3 and 1.29.2, and a reader of the flags in them.

use std::fs;
use std::path::PathBuf;

use safe_compose::compose::grammar::Grammar;

/// A flag as a help text shows it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) long: Option<String>,
    pub(crate) short: Option<char>,
    pub(crate) takes_value: bool,
}

/// Every recorded help text, by its command; `root` is that of Compose itself.
pub(crate) fn help(grammar: Grammar) -> Vec<(String, String)> {
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
pub(crate) fn shown(grammar: Grammar, text: &str) -> Vec<Shown> {
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
