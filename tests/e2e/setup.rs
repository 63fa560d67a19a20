//! `setup` with the real client of Docker: `docker compose` is guarded, and is otherwise what it was.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::differential::clients;
use crate::requirements::unavailable;
use crate::support::bare::Bare;
use crate::support::scratch::{Ran, ran};
use crate::support::{Compose, Scratch, docker_can, machine};

const STACK: &str = r#"
services:
  db:
    image: "IMAGE"
    command: ["sleep", "600"]
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data: {}
"#;

/// The files below a directory, with what links lead to.
fn tree(below: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![below.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            found.push(format!("{} {:?}", path.display(), fs::read_link(&path).ok()));
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn docker_compose_is_guarded_until_it_is_removed() {
    if !docker_can(&["compose", "version"]) {
        return unavailable("no `docker compose` here");
    }
    let Some(bare) = Bare::new("setup") else { return };
    let Some(scratch) = Scratch::new(Compose::V2, &STACK.replace("IMAGE", &bare.image(&[]))) else { return };
    let Some(real) = machine::compose(Compose::V2) else { return };
    // A home of its own, in which the user has installed the real plugin.
    let home = scratch.path("home");
    let (config, plain) = (home.join(".docker"), scratch.path("plain"));
    for directory in [&config, &plain] {
        fs::create_dir_all(directory.join("cli-plugins")).expect("made");
        std::os::unix::fs::symlink(&real, directory.join("cli-plugins/docker-compose")).expect("linked");
    }
    let run = |program: &Path, config: &Path, words: &[&str]| -> Ran {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(scratch.path("."))
            .env("COMPOSE_PROJECT_NAME", &scratch.project)
            .env("HOME", &home)
            .env("DOCKER_CONFIG", config)
            .env("COLUMNS", "1000")
            .env_remove("SAFE_COMPOSE_COMPOSE")
            .stdin(Stdio::null());
        ran(command)
    };
    let safe = Path::new(env!("CARGO_BIN_EXE_safe-compose"));
    let clients = clients();
    let before = tree(&home);
    run(safe, &config, &["setup", "plugin", "--yes"]).exits(0);

    run(&clients[0], &config, &["compose", "up", "-d"]).exits(0);
    let typed = [
        &["compose", "version"][..],
        // Without the time for which it runs.
        &["compose", "ps", "--format", "{{.Name}} {{.State}}"],
        &["compose", "--help"],
        &["compose", "down", "--help"],
        &["--context", "default", "compose", "ps", "-q"],
        &["-l", "error", "compose", "config", "--volumes"],
        &["-D", "compose", "config", "--services"],
        &["help", "compose", "down"],
        &["__complete", "compose", "do"],
        &["compose", "no-such-command"],
    ];
    for (client, words) in clients.iter().flat_map(|client| typed.iter().map(move |words| (client, words))) {
        let (guarded, unguarded) = (run(client, &config, words), run(client, &plain, words));
        assert_eq!(
            (guarded.code, &guarded.stdout, &guarded.stderr),
            (unguarded.code, &unguarded.stdout, &unguarded.stderr),
            "{} {words:?}",
            client.display()
        );
    }
    let status = run(safe, &config, &["setup", "status", "--format", "json"]).exits(0);
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    let is_asked = |row: &&Value| row["command"] == "docker compose" && row["from"] == "a script";
    let row = status["commands"].as_array().expect("a list").iter().find(is_asked).expect("asked");
    assert_eq!(row["answer"], "guarded", "{status}");

    let volume = scratch.volume("data");
    let refusals: Vec<Ran> =
        clients.iter().map(|client| run(client, &config, &["compose", "down", "-v"]).exits(77)).collect();
    let refused = refusals.last().expect("a client");
    assert!(docker_can(&["volume", "inspect", &volume]), "the volume is there");
    let printed =
        refused.stderr.lines().find_map(|line| line.trim().strip_prefix("docker compose --safe-allow="));
    let command = format!("compose --safe-allow={}", printed.expect("a command to run instead"));
    let words: Vec<&str> = command.split(' ').collect();
    run(&clients[0], &config, &words).exits(0);
    assert!(!docker_can(&["volume", "inspect", &volume]), "the volume was deleted on purpose");

    run(safe, &config, &["setup", "remove", "--yes"]).exits(0);
    // What guarded commands have recorded of projects is theirs.
    for records in [".cache/safe-compose", ".local/state/safe-compose"] {
        fs::remove_dir_all(home.join(records)).expect("recorded");
    }
    for parent in [".cache", ".local/state", ".local"] {
        fs::remove_dir(home.join(parent)).expect("nothing else is in it");
    }
    assert_eq!(tree(&home), before);
}
