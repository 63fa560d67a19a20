//! Scripts that nobody would write: none makes a reader panic, or takes longer than its length warrants.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use safe_compose::lint::scripts::{DataDirectories, ScriptKind, check};

/// Every kind of file that scripts stand in.
const NAMES: &[&str] = &[
    "x.sh",
    "Makefile",
    "justfile",
    "package.json",
    ".github/workflows/x.yml",
    ".gitlab-ci.yml",
    "Taskfile.yml",
];

/// What means something to one of the readers.
const TOKENS: &[&str] = &[
    "docker",
    "compose",
    "docker-compose",
    "down",
    "-v",
    "volume rm",
    "rm -rf",
    "volumes/x",
    "bash -c",
    "ssh h",
    "eval",
    "trap",
    "sudo",
    "env A=b",
    "xargs",
    "alias a=",
    "f()",
    "function f",
    "\"$@\"",
    "$*",
    "A=",
    "A=(",
    "$A",
    "${A",
    "${A:-",
    "${A[@]}",
    "}",
    "{",
    "(",
    ")",
    "((",
    "))",
    "$(",
    "$((",
    "`",
    "'",
    "\"",
    "$'",
    "$\"",
    "\\",
    "\\\n",
    "\n",
    "\r\n",
    "\t",
    " ",
    ";",
    ";;",
    "&",
    "&&",
    "|",
    "||",
    "<",
    ">",
    "<<EOF",
    "<<-'E F'",
    "<<<",
    "EOF",
    "2>&1",
    "&>",
    "<(",
    "[[",
    "]]",
    "if",
    "then",
    "fi",
    "case x in",
    "esac",
    "a)",
    "for x in",
    "do",
    "done",
    "#",
    "!",
    "${{",
    "}}",
    "{{",
    "{{.A}}",
    ":=",
    "x:",
    "define x",
    "endef",
    "$(call x,",
    "$(shell ",
    "$$",
    "@-",
    ".ONESHELL:",
    "#!/bin/sh",
    "jobs:",
    "steps:",
    "- run: ",
    "|-",
    ">",
    "script:",
    "&a ",
    "*a",
    "<<: *a",
    "\"scripts\": {",
    "\\u0041",
    "\\ud83d",
    "é",
    "\u{fffd}",
    "\u{202e}",
    "# safe-compose: ignore[",
    "]",
];

const WHOLE: &[&str] =
    &["\ndocker compose down -v\n", "\n\tdocker-compose down -vt0\n", "\n- docker volume rm x\n"];

fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        12 => select(TOKENS).prop_map(str::to_owned),
        1 => select(WHOLE).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn read(name: &str, text: &str) -> usize {
    let path = Path::new(name);
    let kind = ScriptKind::of_path(path).expect("a kind");
    let found = check(path, kind, text, &DataDirectories::default()).findings();
    for finding in &found {
        let range = &finding.location;
        assert!((range.line, range.column) <= (range.end_line, range.end_column), "{range:?}");
        assert!(range.end_line <= text.lines().count() + 1, "{range:?}");
    }
    found.len()
}

#[test]
fn nothing_makes_it_panic() {
    let found = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 4_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&text(), |text| {
            for name in NAMES {
                found.set(found.get() + read(name, &text));
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(found.get() > 0, "no text was one of a script: this tries nothing");
}

#[test]
fn nothing_holds_it_up() {
    // What is opened and never closed, nested, doubled or repeated: each a way to be slow that was thought of.
    let repeated = [
        "(",
        "((",
        "((a) ",
        "$(",
        "$((",
        "${A:-",
        "`",
        "\\`",
        "'",
        "\"",
        "\"$(",
        "{ ",
        "{ ( ",
        "} ",
        ") ",
        "<<E\n",
        "<<E ",
        "[[ ",
        "case x in ",
        "a) ",
        "A=$A$A\n",
        "A=b ",
        "f() { f \"$@\" \"$@\"; }\nf a\n",
        "bash -c ",
        "eval eval ",
        "$A ",
        "\\\n",
        "\t",
        "x:\n\t$(A)\n",
        "A += $(A)$(A)\n",
        "$(call A,",
        "define A\n",
        "{{",
        "[",
        "{a: ",
        "- ",
        "&a [*a, ",
        "\"a\": ",
        "# safe-compose: ignore[",
        "for x in ",
        "| ",
        "\u{fffd}",
    ];
    for part in repeated {
        let text = part.repeat(50_000 / part.len());
        for name in NAMES {
            read(name, &text);
        }
    }
}

#[test]
fn references_do_not_multiply() {
    let make = (0..40).map(|at| format!("A{at} = {}\n", format!("$(A{})", at + 1).repeat(50)));
    let make: String = make.chain(["x:\n\t$(A0)\n".to_owned()]).collect();
    let shell: String = (1..40).map(|at| format!("A{at}=\"$A{0}$A{0}\"\n", at - 1)).collect();
    let yaml: String = (1..40).map(|at| format!("a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1)).collect();
    let yaml = format!("a0: &a0 [x, x]\n{yaml}script: *a39\n");
    // A reader that multiplied would not return.
    read("Makefile", &make);
    read("x.sh", &format!("A0=xxxxxxxxxxxxxxxx\n{shell}$A39 down -v\n"));
    read(".gitlab-ci.yml", &yaml);
}
