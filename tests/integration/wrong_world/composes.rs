//! What stands in place of Compose is this program, or nothing that could run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::command_line::{Ended, Stage, ended};
use crate::support::write;

fn run(stage: &Stage, compose: &Path, words: &[&str]) -> Ended {
    let mut command = stage.command(words);
    command.env("SAFE_COMPOSE_COMPOSE", compose).timeout(Duration::from_mins(2));
    ended(command)
}

const COMMANDS: [&[&str]; 5] = [&["ps"], &["--help"], &["down", "-v"], &["backup"], &["statuz"]];

/// A copy has no name that a script would show.
#[test]
fn a_wrapper_that_ends_in_this_program_is_found() {
    let stage = Stage::new();
    let copy = stage.path().join("guard");
    fs::copy(env!("CARGO_BIN_EXE_safe-compose"), &copy).expect("copied");
    let (wrapper, outer) = (stage.path().join("wrapper"), stage.path().join("outer"));
    write(&wrapper, "#!/bin/sh\ncd \"$(dirname \"$0\")\" && exec ./gua'rd' \"$@\"\n", 0o755);
    write(&outer, format!("#!/bin/sh\n'{}' \"$@\"\n", wrapper.display()), 0o755);
    for wrapper in [&wrapper, &outer] {
        // A misspelled command is answered before a Compose is needed.
        for words in &COMMANDS[..4] {
            let ended = run(&stage, wrapper, words);
            assert_eq!(ended.code, 69, "{words:?}: {ended:?}");
            let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains("runs safe-compose and not Docker Compose"), "{words:?}: {said}");
        }
    }
}

#[test]
fn what_cannot_be_compose_is_named() {
    let stage = Stage::new();
    let file = stage.path().join("compose.yaml");
    let ours = Path::new(env!("CARGO_BIN_EXE_safe-compose"));
    for (compose, why) in [
        (ours, "is safe-compose itself"),
        (stage.path(), "does not exist"),
        (Path::new("/nonexistent/compose"), "does not exist"),
        (Path::new("/dev/null"), "does not exist"),
        (&file, "is not executable"),
    ] {
        for words in COMMANDS {
            let ended = run(&stage, compose, words);
            assert_eq!(ended.code, 69, "{words:?}: {ended:?}");
            let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(why), "{words:?}: {said}");
        }
    }
}
