//! Generated `.env` files, read by us and by the real Composes: both must see the same variables, or both reject the file.
//!
//! `SAFE_COMPOSE_DOTENV_CASES` says how many files are generated.
#![expect(clippy::disallowed_methods, reason = "the tests run the real Compose and take a number of cases")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use safe_compose::compose::dotenv::{Variables, parse};
use safe_compose::compose::grammar::Grammar;
use safe_compose::compose::invocation::Invocation;
use safe_compose::compose::project::sources;
use safe_compose::env::Env;

use crate::support::{real_compose, write};

/// What the process that runs Compose has in its environment.
const ENVIRONMENT: &[(&str, &str)] = &[("HOST", "from-host"), ("EMPTY", ""), ("COMPOSE_PROJECT_NAME", "p")];

fn environment(name: &str) -> Option<String> {
    ENVIRONMENT.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn cases(usual: u32) -> u32 {
    std::env::var("SAFE_COMPOSE_DOTENV_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// One line or more: mostly sound, with the characters that either reader treats specially.
fn statement() -> impl Strategy<Value = String> {
    let name = select(vec!["A", "B", "C_1", "HOST", "EMPTY", "COMPOSE_FILE", "a.b", "9x", "ü", "A[0]"]);
    let before = select(vec!["", "", "", "export ", "  ", "export\t", "# ", "'"]);
    let separator = select(vec!["=", "=", "=", "=", ": ", " = ", ":", "", "= ", "=="]);
    let piece = select(vec![
        "x",
        "y z",
        "$A",
        "${B}",
        "${A:-d}",
        "${B-d}",
        "${EMPTY:-e}",
        "${EMPTY-e}",
        "${HOST:+s}",
        "${A+s}",
        "$HOST",
        "${N:-${A:-q}}",
        "${A:-x} ${B:-y}",
        "$$A",
        "\\$A",
        "\\n",
        "\\t",
        "\\\\",
        "\\0101",
        "\\012",
        "\\'",
        "\\\"",
        "'",
        "\"",
        " #c",
        "#",
        "$",
        "$1",
        "${",
        "}",
        "{}",
        ":",
        "=",
        "/",
        ".",
        ",",
        "ä",
        "\t",
        "\r",
        "\\",
        "${HOST:?m}",
        "|",
    ]);
    let quote = select(vec!["", "", "", "\"", "\"", "'", "'"]);
    let end = select(vec!["\n", "\n", "\n", "\r\n", "\n\n", " # c\n", " \n", ""]);
    (before, name, separator, quote, prop::collection::vec(piece, 0..4), end).prop_map(
        |(before, name, separator, quote, pieces, end)| {
            format!("{before}{name}{separator}{quote}{}{quote}{end}", pieces.concat())
        },
    )
}

fn file() -> impl Strategy<Value = String> {
    let mark = select(vec!["", "", "", "\u{feff}"]);
    (mark, prop::collection::vec(statement(), 1..6))
        .prop_map(|(mark, statements)| format!("{mark}{}", statements.concat()))
}

/// What Compose V2 has as the project's environment, as sorted lines; `None` where it rejects the file.
fn by_compose_v2(binary: &Path, directory: &Path, text: &str) -> Option<Vec<String>> {
    fs::write(directory.join("one.env"), text).expect("written");
    let output = Command::new(binary)
        .args(["-f", "compose.yml", "--env-file", "one.env", "config", "--environment"])
        .current_dir(directory)
        .env_clear()
        .envs(ENVIRONMENT.iter().copied())
        .env("PWD", "/")
        .output()
        .expect("Compose runs");
    output.status.success().then(|| lines(&String::from_utf8_lossy(&output.stdout)))
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.trim_end_matches('\n').split('\n').map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The same of us: the process's own variables win, and Compose adds its own.
fn by_us_v2(text: &str) -> Option<Vec<String>> {
    let mut all = parse(Grammar::V2, text, &environment, &Variables::new()).ok()?;
    all.extend(ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all.insert("PWD".into(), "/".into());
    let text: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Some(lines(&text.join("\n")))
}

#[test]
fn compose_v2_reads_generated_files_as_we_do() {
    let Some(binary) = real_compose(Grammar::V2) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("compose.yml"), "services: {}\n").expect("written");
    let config = Config { cases: cases(200), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let compared = runner.run(&file(), |text| {
        let theirs = by_compose_v2(&binary, directory.path(), &text);
        let ours = by_us_v2(&text);
        if theirs == ours {
            return Ok(());
        }
        Err(TestCaseError::fail(format!("{text:?}\ncompose: {theirs:?}\n     us: {ours:?}")))
    });
    assert!(compared.is_ok(), "{}", compared.expect_err("a difference"));
}

/// Reads every file through Compose V1's own module, in one process.
const READER: &str = r#"
import json, os, sys
from compose.config.environment import env_vars_from_file
out = []
for number in range(int(sys.argv[1])):
    out.append({k: v for k, v in env_vars_from_file("%d.env" % number).items() if v is not None})
print(json.dumps(out))
"#;

/// The interpreter of Compose V1, where it is a script of Python.
fn interpreter(compose: &Path) -> Option<PathBuf> {
    let text = fs::read(compose).ok()?;
    let first = String::from_utf8_lossy(text.split(|byte| *byte == b'\n').next()?).into_owned();
    let program = first.strip_prefix("#!")?.split_whitespace().next()?.to_owned();
    program.contains("python").then(|| PathBuf::from(program))
}

#[test]
fn compose_v1_reads_generated_files_as_we_do() {
    let Some(python) = real_compose(Grammar::V1).as_deref().and_then(interpreter) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let mut runner = TestRunner::new(Config::default());
    let texts: Vec<String> =
        (0..cases(200) * 10).map(|_| file().new_tree(&mut runner).expect("a file").current()).collect();
    for (number, text) in texts.iter().enumerate() {
        fs::write(directory.path().join(format!("{number}.env")), text).expect("written");
    }
    let output = Command::new(python)
        .args(["-c", READER, &texts.len().to_string()])
        .current_dir(directory.path())
        .env_clear()
        .envs(ENVIRONMENT.iter().copied())
        .env("PYTHONIOENCODING", "utf-8")
        .env("PYTHONUTF8", "1")
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<BTreeMap<String, String>> = serde_json::from_slice(&output.stdout).expect("a list");
    for (text, theirs) in texts.iter().zip(theirs) {
        let ours = parse(Grammar::V1, text, &environment, &Variables::new()).expect("V1 rejects nothing");
        assert_eq!(ours, theirs, "{text:?}");
    }
}

/// Files of a tree in which each Compose file has one service, named after the file.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for name in ["compose.yml", "prod.yml", "sub/compose.yml", "sub/prod.yml", "other/compose.yml"] {
        let service = name.replace(['/', '.'], "-");
        write(&root.path().join(name), format!("services: {{ {service}: {{ image: x }} }}\n"), 0o644);
    }
    for (name, text) in files {
        write(&root.path().join(name), text, 0o644);
    }
    root
}

/// Where a command is run, its words, and the `.env` files of the tree.
type Place = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PLACES: &[Place] = &[
    (".", "", &[(".env", "ENV=prod\nCOMPOSE_FILE=compose.yml:${ENV}.yml\n")]),
    (".", "", &[(".env", "COMPOSE_FILE: ${NONE:-prod}.yml\n")]),
    (".", "", &[(".env", "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=\"compose.yml,prod.yml\" # both\n")]),
    (".", "", &[(".env", "COMPOSE_FILE='$X.yml'\n"), ("$X.yml", "services: { literal: { image: x } }\n")]),
    (
        ".",
        "",
        &[
            (".env", "export COMPOSE_FILE=sub/compose.yml\n"),
            ("sub/.env", "COMPOSE_FILE=other/compose.yml\n"),
        ],
    ),
    ("sub/deep", "", &[("sub/.env", "COMPOSE_FILE=prod.yml\n"), ("sub/deep/x", "")]),
    ("sub/deep", "", &[("sub/deep/.env", "COMPOSE_FILE=../prod.yml\n")]),
    (
        ".",
        "-f sub/compose.yml",
        &[(".env", "COMPOSE_FILE=prod.yml\n"), ("sub/.env", "COMPOSE_FILE=other/compose.yml\n")],
    ),
    (
        ".",
        "--project-directory sub",
        &[(".env", "COMPOSE_FILE=other/compose.yml\n"), ("sub/.env", "COMPOSE_FILE=prod.yml\n")],
    ),
    (
        ".",
        "--env-file one.env --env-file two.env",
        &[("one.env", "E=sub\n"), ("two.env", "COMPOSE_FILE=$E/prod.yml\n")],
    ),
    (".", "--env-file two.env", &[(".env", "COMPOSE_FILE=prod.yml\n"), ("two.env", "A=b\n")]),
    (".", "", &[(".env", "A=${COMPOSE_LATE:-sub}\nCOMPOSE_FILE=$A/compose.yml\nCOMPOSE_LATE=other\n")]),
];

#[test]
fn compose_v2_finds_the_files_that_we_find() {
    let Some(binary) = real_compose(Grammar::V2) else { return };
    for (below, words, files) in PLACES {
        let root = tree(files);
        let directory = root.path().canonicalize().expect("there").join(below);
        let words: Vec<&str> = words.split_whitespace().collect();
        let output = Command::new(&binary)
            .args(&words)
            .args(["config", "--services"])
            .current_dir(&directory)
            .env_clear()
            .env("PWD", &directory)
            .output()
            .expect("Compose runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let theirs: BTreeSet<String> = said.lines().map(str::to_owned).collect();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?} {files:?}: {stderr}");

        let env = Env { current_dir: directory, ..Env::default() };
        let words = words.iter().chain(&["config"]).map(OsString::from).collect();
        let reading = Invocation::parse(words).expect("sound").read(Grammar::V2);
        let found = sources(&reading, &env).files;
        let ours: BTreeSet<String> = found
            .iter()
            .map(|file| {
                fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
            })
            .map(|text| text.split_whitespace().nth(2).expect("a service").trim_end_matches(':').to_owned())
            .collect();
        assert_eq!(ours, theirs, "in {below} with {files:?}");
    }
}
