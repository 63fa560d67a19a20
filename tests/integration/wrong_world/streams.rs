//! Standard streams that are full, closed, or read by nobody.

use super::{COMMANDS, shell, sound, words};
use crate::command_line::Stage;

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let stage = Stage::new();
    for (command, code) in
        [("--safe-version", 73), ("help backup", 73), ("backups", 73), ("backups list --format json", 73)]
    {
        let output = shell(&stage, &format!("\"$SAFE\" {command} >/dev/full"), &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(sound(command, &output), code, "{command}: {said}");
        assert!(said.contains("the result could not be written to standard output"), "{command}: {said}");
        assert!(said.contains("no space left") || said.contains("no storage space"), "{command}: {said}");
    }
    let failed = shell(&stage, "\"$SAFE\" backups show nosuch >/dev/full", &[]);
    assert_eq!(sound("a failure keeps its code", &failed), 64);
    let seen = shell(&stage, "\"$SAFE\" help backup | head -c 1; \"$SAFE\" backups", &[]);
    assert_eq!(sound("a reader that has seen enough", &seen), 0);
    assert!(!String::from_utf8_lossy(&seen.stderr).contains("could not be written"), "{seen:?}");
}

#[test]
fn closed_and_broken_streams_stop_nothing() {
    let stage = Stage::new();
    for command in COMMANDS {
        let command = words(command);
        let plain = sound(&command, &shell(&stage, &format!("\"$SAFE\" {command}"), &[]));
        for streams in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/null 2>/dev/full"] {
            let line = format!("\"$SAFE\" {command} {streams}");
            assert_eq!(sound(&line, &shell(&stage, &line, &[])), plain, "{line}");
        }
        // The reader of both streams has gone before the program begins.
        let line = format!(
            "( sleep 0.1; \"$SAFE\" {command} 2>&1; echo $? >code ) | true; while ! [ -s code ]; do sleep 0.01; done; exit \"$(cat code; rm code)\""
        );
        assert_eq!(sound(&line, &shell(&stage, &line, &[])), plain, "{line}");
    }
}
