//! What cannot lose data is handed over without a call to the engine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use super::table::{BOTH, V2};

/// A Compose that only says what it got, and an engine that notices whoever knocks.
#[test]
fn harmless_commands_never_call_the_engine() {
    let root = tempfile::tempdir().expect("a directory");
    let socket = root.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("bound");
    listener.set_nonblocking(true).expect("set");
    let program = root.path().join("docker-compose");
    fs::write(&program, "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done\nexit 9\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
    let pulling =
        ["pull -q db", "push db", "events --json", "publish x", "stats", "top db", "attach db", "logs -f"];
    let lines = [BOTH, V2].into_iter().flatten().map(|case| case.line).chain(pulling);
    for line in lines.filter(|line| !line.starts_with('@')) {
        // What the flags of a guarded command and unknown words mean depends on which Compose it is; that is asked.
        if matches!(line, "cp --help" | "watch --help" | "nosuch") {
            continue;
        }
        let words = shell_words::split(line).expect("a line");
        let output = Command::new(env!("CARGO_BIN_EXE_safe-compose"))
            .args(&words)
            .current_dir(root.path())
            .env("SAFE_COMPOSE_COMPOSE", &program)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        let heard = words.iter().fold(String::new(), |text, word| format!("{text}<{word}>"));
        assert_eq!(String::from_utf8_lossy(&output.stdout), heard, "`{line}`");
        assert_eq!(output.status.code(), Some(9), "`{line}`");
        assert!(output.stderr.is_empty(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
        assert!(listener.accept().is_err(), "`{line}` called the engine");
    }
}
