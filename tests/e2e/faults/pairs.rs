//! Two of us at once, and somebody who changes backups while a question is open.

use std::fs;
use std::process::Stdio;

use super::stack::{SERVICES, Stack};
use crate::support::scratch::Ran;

/// Starts both before either has ended.
fn both(stack: &Stack, first: &[&str], second: &[&str]) -> [Ran; 2] {
    let children = [first, second].map(|words| {
        let mut command = stack.project.safe_command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    });
    children.map(|child| {
        let output = child.wait_with_output().expect("ended");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    })
}

#[test]
fn two_of_us_at_once_wait_for_each_other() {
    let keep =
        "x-safe-compose: { backup: { keep: { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0 } } }";
    let Some(stack) = Stack::new(keep) else { return };
    stack.write(1);
    let before = stack.seen();
    for ran in both(&stack, &["backup"], &["backup"]) {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    stack.project.edit("last: 1", "last: 9");
    for number in 2..5 {
        stack.write(number);
        stack.project.safe(&["backup"]).exits(0);
    }
    stack.project.edit("last: 9", "last: 1");
    for ran in both(&stack, &["backups", "prune"], &["backups", "prune"]) {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    for service in SERVICES {
        let left: Vec<_> = stack.backed_up(service).into_iter().map(|(_, number)| number).collect();
        assert_eq!(left, [Some(4)], "{service}");
    }
    for ran in both(&stack, &["backup"], &["backups", "prune"]) {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    assert_eq!(stack.seen().states, before.states);
    assert!(stack.left_over().is_empty(), "{:?}", stack.left_over());
    for service in SERVICES {
        for (name, _) in stack.backed_up(service) {
            stack.project.safe(&["backups", "show", &name]).exits(0);
        }
    }
}

/// A backup that was current when the question came up is not believed to be there after it.
#[test]
fn a_backup_that_is_removed_or_edited_while_the_question_is_open_is_made_again() {
    let Some(stack) = Stack::new("") else { return };
    for (number, edits) in [(1, false), (2, true)] {
        stack.write(number);
        stack.project.safe(&["backup"]).exits(0);
        let newest = stack.project.backups("db").pop().expect("a backup");
        let mut command = stack.project.safe_command(&["down", "-v"]);
        command.stdin(Stdio::inherit());
        let mut session = rexpect::session::spawn_command(command, Some(60_000)).expect("a terminal");
        session.exp_string("to confirm (anything else cancels)").expect("the question");
        if edits {
            fs::write(newest.join("data.tar.zst"), "edited").expect("written");
        } else {
            fs::remove_dir_all(&newest).expect("removed");
        }
        session.send_line(&stack.project.project).expect("typed");
        let said = session.exp_eof().expect("it ends");
        stack.wait_for_the_end();
        let is_there = stack.seen().numbers["db"] == Some(number);
        let sound = stack.backed_up("db").into_iter().any(|(_, found)| found == Some(number));
        assert!(is_there || sound, "the data is lost: {said}");
        let restored = stack.confirmed(&["restore"]);
        assert_eq!(restored.code, 0, "{said}\n{}", restored.stderr);
        stack.start();
        assert_eq!(stack.seen().numbers["db"], Some(number), "{said}");
    }
}
