//! Every subcommand that cannot lose data, with every flag that its help text shows, in both grammars: none is guarded,
//! and Compose gets it at once, without a call to the engine.
//!
//! The lines are made from the recorded help texts, so that a new subcommand or flag cannot be forgotten.
#![expect(clippy::disallowed_methods, reason = "the program is started as a person does it")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use safe_compose::compose::grammar::Grammar;
use safe_compose::compose::invocation::{Caller, Invocation};
use safe_compose::compose::subcommand::{GuardedCommand, Subcommand};

use crate::help_texts::{Shown, help, shown};
use crate::support::write;

type Line = Vec<String>;

/// The ways to write one flag.
fn spellings(flag: &Shown) -> Vec<Line> {
    let mut all = Vec::new();
    if let Some(long) = &flag.long {
        if flag.takes_value {
            all.push(vec![format!("--{long}"), "1".to_owned()]);
            all.push(vec![format!("--{long}=1")]);
        } else {
            all.push(vec![format!("--{long}")]);
        }
    }
    if let Some(short) = flag.short {
        if flag.takes_value {
            all.push(vec![format!("-{short}"), "1".to_owned()]);
            all.push(vec![format!("-{short}1")]);
        } else {
            all.push(vec![format!("-{short}")]);
        }
    }
    all
}

fn harmless(grammar: Grammar) -> Vec<(String, Vec<Shown>)> {
    let all = help(grammar).into_iter();
    all.filter(|(command, _)| command != "root" && !Subcommand::from_name(command).is_guarded())
        .map(|(command, text)| (command, shown(grammar, &text)))
        .collect()
}

/// Each flag alone, all of them together, and without any; on nothing, on a service, and on one with an awkward name.
fn lines(grammar: Grammar) -> Vec<Line> {
    let mut lines = Vec::new();
    for (command, flags) in harmless(grammar) {
        let mut sets: Vec<Line> = vec![Vec::new()];
        sets.extend(flags.iter().flat_map(spellings));
        sets.push(flags.iter().filter_map(|flag| spellings(flag).into_iter().next()).flatten().collect());
        for set in sets {
            // Older Composes had words of ours under `alpha`: `alpha watch`.
            let awkward: &[&[&str]] =
                if command == "alpha" { &[] } else { &[&["down", "-v"], &["--", "rm"]] };
            for operands in [&[][..], &["db"]].iter().chain(awkward) {
                let operands = operands.iter().map(|word| (*word).to_owned());
                lines.push([command.clone()].into_iter().chain(set.clone()).chain(operands).collect());
            }
        }
    }
    let (_, root) = help(grammar).into_iter().find(|(command, _)| command == "root").expect("recorded");
    for flag in shown(grammar, &root) {
        lines.extend(spellings(&flag).into_iter().map(|mut line| {
            line.push("ps".to_owned());
            line
        }));
    }
    lines
}

fn is_guarded(caller: Caller, line: &Line) -> bool {
    let compose = (caller == Caller::Docker).then(|| "compose".to_owned());
    let words = compose.into_iter().chain(line.iter().cloned()).map(Into::into).collect();
    Invocation::parse_from(caller, words).expect("none of our flags").is_guarded()
}

#[test]
fn no_flag_makes_a_harmless_subcommand_suspicious() {
    for grammar in [Grammar::V1, Grammar::V2] {
        let lines = lines(grammar);
        for line in &lines {
            assert!(!is_guarded(Caller::Person, line), "{grammar}: {line:?}");
            assert!(grammar == Grammar::V1 || !is_guarded(Caller::Docker, line), "as a plugin: {line:?}");
        }
        let tried: BTreeSet<&str> = lines.iter().map(|line| line[0].as_str()).collect();
        for command in
            grammar.commands().iter().filter(|command| !Subcommand::from_name(command.name).is_guarded())
        {
            assert!(tried.contains(command.name), "{grammar}: `{}` is not tried", command.name);
        }
    }
}

#[test]
fn the_rest_is_guarded() {
    let hazards = include_str!("../../docs/hazards.md");
    for command in GuardedCommand::ALL {
        assert!(
            hazards.contains(&format!("`{command}")),
            "`{command}` is guarded, and docs/hazards.md gives no reason"
        );
    }
    for grammar in [Grammar::V1, Grammar::V2] {
        for (command, _) in
            help(grammar).iter().filter(|(command, _)| Subcommand::from_name(command).is_guarded())
        {
            assert!(
                is_guarded(Caller::Person, &vec![command.clone(), "db".to_owned()]),
                "{grammar} {command}"
            );
        }
    }
}

/// A Compose that only writes down what it got, and an engine that notices whoever knocks.
struct Stand {
    root: tempfile::TempDir,
    engine: UnixListener,
}

impl Stand {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let engine = UnixListener::bind(root.path().join("engine.sock")).expect("bound");
        engine.set_nonblocking(true).expect("set");
        let program = root.path().join("docker-compose");
        let script = format!(
            "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done >>'{0}'\necho >>'{0}'\nexit 9\n",
            root.path().join("heard").display()
        );
        write(&program, script, 0o755);
        // What must not even be read.
        fs::write(root.path().join("compose.yml"), "services: [").expect("written");
        Self { root, engine }
    }

    fn path(&self, below: &str) -> PathBuf {
        Path::new(self.root.path()).join(below)
    }

    /// What is wrong about how a line was handled.
    fn complaint(&self, line: &Line) -> Option<String> {
        let _ = fs::remove_file(self.path("heard"));
        let output = Command::new(env!("CARGO_BIN_EXE_safe-compose"))
            .args(line)
            .current_dir(self.root.path())
            .env("SAFE_COMPOSE_COMPOSE", self.path("docker-compose"))
            .env("DOCKER_HOST", format!("unix://{}", self.path("engine.sock").display()))
            .env_remove("DOCKER_CONTEXT")
            .output()
            .expect("it runs");
        let wanted = line.iter().fold(String::new(), |text, word| format!("{text}<{word}>")) + "\n";
        let heard = fs::read_to_string(self.path("heard")).unwrap_or_default();
        if self.engine.accept().is_ok() {
            Some(format!("{line:?} called the engine"))
        } else if heard != wanted {
            Some(format!("{line:?} became {heard:?}"))
        } else if output.status.code() != Some(9) || !output.stdout.is_empty() || !output.stderr.is_empty() {
            Some(format!("{line:?}: {output:?}"))
        } else {
            None
        }
    }
}

#[test]
fn harmless_commands_become_compose_at_once() {
    let stand = Stand::new();
    let mut tried = BTreeSet::new();
    for grammar in [Grammar::V1, Grammar::V2] {
        // The words behind the flags make no difference to the program, only to its parser.
        tried.extend(lines(grammar).into_iter().filter(|line| line.last().is_none_or(|word| word != "rm")));
    }
    // Compose's own help gets ours behind it.
    tried.retain(|line| line.len() != 1 || line[0] != "help");
    let wrong: Vec<String> = tried.iter().filter_map(|line| stand.complaint(line)).collect();
    assert!(wrong.is_empty(), "of {}:\n{}", tried.len(), wrong.join("\n"));
}

/// A subcommand of no known Compose: the installed one is asked for its help first. It has none of `obliterate`, and
/// some of `purge`.
#[test]
fn an_unknown_subcommand_runs_only_if_compose_rejects_it() {
    let stand = Stand::new();
    let script = format!(
        "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done >>'{0}'\necho >>'{0}'\ncase \"$*\" in\n\
         'version --short') echo 2.40.3 ;;\n\
         'obliterate --help') echo 'Usage:  docker compose [OPTIONS] COMMAND' ;;\n\
         'purge --help') echo 'Usage:  docker compose purge [OPTIONS] [SERVICE...]' ;;\n\
         *) exit 9 ;;\nesac\n",
        stand.path("heard").display()
    );
    fs::write(stand.path("docker-compose"), script).expect("written");
    let run = |word: &str| {
        let _ = fs::remove_file(stand.path("heard"));
        let output = Command::new(env!("CARGO_BIN_EXE_safe-compose"))
            .args([word, "db"])
            .current_dir(stand.root.path())
            .env("SAFE_COMPOSE_COMPOSE", stand.path("docker-compose"))
            .env("DOCKER_HOST", format!("unix://{}", stand.path("engine.sock").display()))
            .env_remove("DOCKER_CONTEXT")
            .output()
            .expect("it runs");
        (output, fs::read_to_string(stand.path("heard")).expect("asked"))
    };
    let (output, heard) = run("obliterate");
    assert_eq!(output.status.code(), Some(9), "{output:?}");
    assert!(heard.ends_with("<obliterate><--help>\n<obliterate><db>\n"), "{heard}");
    let (output, heard) = run("purge");
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(heard.contains("<purge><--help>\n") && !heard.contains("<purge><db>"), "{heard}");
}
