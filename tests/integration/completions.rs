//! Completion scripts, run by their shells in front of a fake Compose. A shell that is not installed is left out, bash
//! aside.

#![expect(clippy::disallowed_methods, reason = "tests start programs")]

use std::fs;
use std::process::Command;

use crate::command_line::Stage;

/// What a shell offers, sorted.
fn offers(stage: &Stage, shell: &str, code: &str) -> Option<Vec<String>> {
    let script = stage.run(&["completions", shell]).stdout;
    assert!(!script.is_empty(), "{shell}");
    fs::write(stage.path().join("script"), script).expect("written");
    let links = stage.path().join("links");
    if !links.exists() {
        fs::create_dir(&links).expect("created");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_safe-compose"), links.join("safe-compose"))
            .expect("linked");
    }
    let output = Command::new(shell)
        .current_dir(stage.path())
        .env("PATH", format!("{}:/usr/bin:/bin", links.display()))
        .env("SAFE_COMPOSE_COMPOSE", stage.path().join("bin/fake-compose"))
        .args(if shell == "fish" { &["--no-config", "-c"][..] } else { &["-c"] })
        .arg(code)
        .output()
        .ok()?;
    assert!(output.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut words: Vec<String> =
        text.lines().filter_map(|line| line.split('\t').next()).map(|word| word.trim().to_owned()).collect();
    words.retain(|word| !word.is_empty());
    words.sort();
    Some(words)
}

fn bash(stage: &Stage, typed: &[&str]) -> Vec<String> {
    let words = shell_words::join(typed);
    let last = typed.len() - 1;
    let code = format!(
        "source ./script; COMP_WORDS=({words}); COMP_CWORD={last}; _safe_compose safe-compose; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    offers(stage, "bash", &code).expect("bash is installed")
}

fn fish(stage: &Stage, typed: &[&str]) -> Option<Vec<String>> {
    let line = typed.join(" ");
    offers(stage, "fish", &format!("source ./script; complete -C '{line}'"))
}

#[track_caller]
fn has(offered: &[String], words: &[&str]) {
    for word in words {
        assert!(offered.iter().any(|offered| offered == word), "`{word}` is not in {offered:?}");
    }
}

#[test]
fn bash_offers_our_commands_and_composes() {
    let stage = Stage::new();
    has(&bash(&stage, &["safe-compose", ""]), &["backup", "export-data", "up", "ps"]);
    assert_eq!(bash(&stage, &["safe-compose", "ba"]), ["backup", "backups"]);
    has(&bash(&stage, &["safe-compose", "-f", "x.yml", ""]), &["backup", "up"]);
    has(&bash(&stage, &["safe-compose", "-f", "x.yml", "backup", "--"]), &["--prove", "--dry-run"]);
    has(&bash(&stage, &["safe-compose", "--safe-"]), &["--safe-plan", "--safe-allow="]);
    has(&bash(&stage, &["safe-compose", "--safe-plan", "up", ""]), &["ps"]);
}

#[test]
fn fish_offers_our_commands_and_composes() {
    let stage = Stage::new();
    let Some(all) = fish(&stage, &["safe-compose", ""]) else { return };
    has(&all, &["backup", "export-data", "up", "ps"]);
    has(&fish(&stage, &["safe-compose", "-f", "x.yml", ""]).expect("fish"), &["backup", "up"]);
    has(
        &fish(&stage, &["safe-compose", "-f", "x.yml", "backup", "--"]).expect("fish"),
        &["--prove", "--dry-run"],
    );
    has(&fish(&stage, &["safe-compose", "--safe-"]).expect("fish"), &["--safe-plan"]);
}

/// zsh completes only on a terminal, so its script is parsed and its functions are defined, no more.
#[test]
fn zsh_reads_its_script() {
    let stage = Stage::new();
    let code = "compdef() { :; }; source ./script; whence -w _safe-compose _safe_compose_own";
    let Some(defined) = offers(&stage, "zsh", code) else { return };
    assert_eq!(defined, ["_safe-compose: function", "_safe_compose_own: function"]);
}
