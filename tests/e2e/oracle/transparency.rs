//! What cannot lose data comes through untouched: the same bytes on both streams, the same exit code, no engine call.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::Command;

use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;

const SHOP: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data"], command: ["/bin/sh", "-c", "echo ready; trap 'exit 0' TERM; while :; do sleep 60 & wait; done"] }
  web: { {S}, profiles: [extra] }
volumes: { data: }
"#,
)];

/// Both Composes have these.
const HARMLESS: &[&str] = &[
    "config",
    "config -q",
    "config --services",
    "config --volumes",
    "-f compose.yml config --hash '*'",
    "-f nosuch.yml config",
    "version",
    "version --short",
    "--version",
    "ps -q",
    "ps --services",
    "ps nosuch",
    "images -q",
    "logs db",
    "logs --no-color --tail 1 db",
    "port db 80",
    "top nosuch",
    "exec -T db /bin/ls /",
    "exec -T db /bin/sh -c 'echo out; echo err >&2; exit 7'",
    "exec -T db /bin/cat --safe-plan",
    "exec -T nosuch /bin/ls",
    "build",
    "pause nosuch",
    "nosuch",
    "--nosuch",
    "logs --nosuch",
    "help config",
    "config --help",
    "down --help",
    "up -h",
    "rm --nosuch",
    "events --help",
    "push --help",
];

const HARMLESS_V2: &[&str] = &[
    "ls -q --filter name={P}",
    "ps -aq --no-trunc",
    "ps --status exited -q",
    "ps --orphans=false --format '{{.Name}}'",
    "config --format json",
    "config --images",
    "config --profiles",
    "config --networks",
    "config --variables",
    "config --no-such",
    "volumes -q",
    "version -f json",
    "logs -n 1 --no-log-prefix db",
    "logs --since 1h --until 2h db",
    "cp --help",
    "export db -o db.tar",
    "--dry-run down -v",
    "down -v --dry-run",
    "--dry-run up -d -y",
    "down -vh",
    "alpha --help",
    "bridge --help",
    "attach nosuch",
    "commit nosuch x",
    "stats --no-stream --format '{{.Name}}'",
    "publish --help",
    "watch --help",
    "__complete do",
    "--ansi never --progress plain ps -q",
    "--parallel 2 ps -q",
    "--all-resources config --volumes",
    "-p {P}x ps -q",
    "--project-directory . config --services",
    "--env-file nosuch.env config -q",
];

/// What these print changes while one looks: times, counters, the order.
const VARYING: &[&str] = &["--profile extra config --services", "ps", "ps -a", "top", "images"];

const VARYING_V2: &[&str] = &["ls", "volumes", "volumes --format json", "stats --no-stream"];

/// Numbers, times and the order of words are no matter.
fn blurred(text: &str) -> Vec<String> {
    const TIMES: &[&str] =
        &["", "second", "seconds", "minute", "minutes", "hour", "About", "a", "an", "Less", "than", "ago"];
    let letters = |word: &str| -> String {
        word.chars().filter(|c| !(c.is_ascii_digit() || matches!(c, '.' | ':' | '-'))).collect()
    };
    let mut words: Vec<String> =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '"')).map(letters).collect();
    words.retain(|word| !TIMES.contains(&word.as_str()));
    words.sort();
    words
}

fn compare(compose: Compose, exact: &[&[&str]], varying: &[&[&str]]) {
    let Some(trial) = Trial::new(compose, SHOP) else { return };
    trial.real("up -d", &[], "").exits(0);
    let mut wrong = Vec::new();
    let mut tried = 0;
    let before = trial.engine_snapshot();
    for (lines, varies) in [(exact, false), (varying, true)] {
        for line in lines.iter().copied().flatten() {
            let real = trial.real(line, &[], "");
            let ours = trial.safe(&[], line, &[], "");
            tried += 1;
            let same = |one: &str, other: &str| one == other || (varies && blurred(one) == blurred(other));
            if real.code != ours.code
                || !same(&real.stdout, &ours.stdout)
                || !same(&real.stderr, &ours.stderr)
            {
                wrong.push(format!("`{line}`\n--- real {real:?}\n--- ours {ours:?}"));
            }
        }
    }
    assert_eq!(trial.engine_snapshot(), before, "one of them is not harmless");
    eprintln!("{tried} commands compared with Compose {compose:?}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn harmless_commands_come_through_untouched() {
    compare(Compose::V2, &[HARMLESS, HARMLESS_V2], &[VARYING, VARYING_V2]);
}

#[test]
fn harmless_commands_come_through_untouched_in_v1() {
    // It takes a second for each.
    let some: Vec<&str> = HARMLESS.iter().copied().step_by(2).collect();
    compare(Compose::V1, &[&some], &[VARYING]);
}

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
    for line in [HARMLESS, HARMLESS_V2, VARYING, VARYING_V2, &pulling].concat() {
        // What the flags of a guarded command and unknown words mean depends on which Compose it is; that is asked.
        if matches!(line, "rm --nosuch" | "cp --help" | "watch --help" | "nosuch") {
            continue;
        }
        let words = shell_words::split(line).expect("a line");
        let output = Command::new(env!("CARGO_BIN_EXE_safe-compose"))
            .args(&words)
            .current_dir(root.path())
            .env("SAFE_COMPOSE_COMPOSE", &program)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .output()
            .expect("it runs");
        let heard = words.iter().fold(String::new(), |text, word| format!("{text}<{word}>"));
        assert_eq!(String::from_utf8_lossy(&output.stdout), heard, "`{line}`");
        assert_eq!(output.status.code(), Some(9), "`{line}`");
        assert!(output.stderr.is_empty(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
        assert!(listener.accept().is_err(), "`{line}` called the engine");
    }
}
