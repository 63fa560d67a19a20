//! A database that is stopped: the plan says that it gets no time to write exactly where it really gets none.

use serde_json::Value;

use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;

/// A server that writes what it has in memory when it is told to end, and takes a second for it.
const SERVER: Files = &[(
    "compose.yml",
    r#"
services:
  db:
    image: "{I}:plain"
    network_mode: none
    command: ["/bin/sh", "-c", "trap 'sleep 1; touch /var/lib/postgresql/data/written; exit 0' TERM INT; touch /var/lib/postgresql/data/up; while :; do sleep 60 & wait; done"]
    volumes: ["data:/var/lib/postgresql/data"]
volumes: { data: }
"#,
)];

/// Both Composes.
const HARD: &[&str] = &[
    "kill",
    "kill db",
    "kill -s SIGKILL",
    "kill -s KILL db",
    "kill -s 9",
    "stop -t 0",
    "stop -t0",
    "stop --timeout 0 db",
    "stop --timeout=0",
    "restart -t 0",
    "restart --timeout=0 db",
    "down -t 0",
    "down --timeout=0",
];

const HARD_V2: &[&str] = &[
    "kill --signal=kill",
    "stop -t 00",
    "stop -t=0x0",
    "stop -t -0",
    "down -vt0",
    "down db -t 0",
    "up -d --force-recreate -t 0",
    "up -dV --timeout=0",
];

const SOFT: &[&str] =
    &["stop", "stop -t 5", "restart -t 5", "kill -s SIGTERM", "kill -s INT", "down", "down -t 5"];

const SOFT_V2: &[&str] = &[
    "rm -fs",
    "down -t -1",
    "wait --down-project db",
    "up -d --force-recreate",
    "up -d --force-recreate -t 5",
];

/// Nobody is stopped.
const NOT_AT_ALL: &[&str] = &["kill -s HUP", "start", "up -d"];

/// Whether the plan says that the server loses what it has not written; `None` where it says nothing about it.
fn predicted(trial: &Trial, line: &str) -> Option<bool> {
    let ran = trial.safe(&["--safe-plan", "--safe-format=json"], line, &[], "");
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("`{line}`: {ran:?}"));
    let impacts = plan["plan"]["impacts"].as_array().cloned().unwrap_or_default();
    let stopped = impacts
        .iter()
        .find(|impact| impact["subject"]["type"] == "service" && impact["subject"]["name"] == "db");
    stopped.map(|impact| impact["reason"].as_str().is_some_and(|reason| reason.contains("not yet written")))
}

/// What lies in the server's volume, whether or not there is a container.
fn files(trial: &Trial) -> Vec<String> {
    let listed =
        trial.real("docker run --rm --network none -v {P}_data:/look {I}:plain /bin/ls /look", &[], "");
    listed.exits(0).stdout.split_whitespace().map(str::to_owned).collect()
}

/// Tells one run of the server from the next, and from none.
fn life(trial: &Trial, compose: Compose) -> String {
    let name = if compose == Compose::V1 { "{P}_db_1" } else { "{P}-db-1" };
    let line = format!("docker inspect --format '{{{{.State.Running}}}} {{{{.State.StartedAt}}}}' {name}");
    trial.real(&line, &[], "").stdout
}

/// It has to be listening before it can hear.
fn start(trial: &Trial) {
    trial.real("up -d --force-recreate -t 0", &[], "").exits(0);
    let inside = |script: &str| format!("exec -T db /bin/sh -c '{script}'");
    trial.real(&inside("until [ -e /var/lib/postgresql/data/up ]; do sleep 0.1; done"), &[], "").exits(0);
    trial.real(&inside("cd /var/lib/postgresql/data; rm -f up written"), &[], "").exits(0);
}

fn try_all(compose: Compose, lines: &[(&[&str], Option<bool>)]) {
    let Some(trial) = Trial::new(compose, SERVER) else { return };
    let mut wrong = Vec::new();
    for (lines, expected) in lines {
        for line in *lines {
            start(&trial);
            let before = life(&trial, compose);
            let predicted = predicted(&trial, line);
            let mut waiting = line.starts_with("wait").then(|| trial.start(line));
            let stop = if waiting.is_some() { "kill -s TERM db" } else { line };
            let ran = trial.real(stop, &[], "");
            if let Some(waiting) = &mut waiting {
                waiting.wait().expect("ended");
            }
            if expected.is_some() && line.starts_with("kill") {
                // `kill` does not wait.
                let ended =
                    if compose == Compose::V1 { "docker wait {P}_db_1" } else { "docker wait {P}-db-1" };
                trial.real(ended, &[], "").exits(0);
            }
            // Its data goes with it, and it cannot tell any more.
            let gone = line.contains("-v");
            let written = !gone && files(&trial).iter().any(|name| name == "written");
            let happened = (life(&trial, compose) != before).then_some(!written);
            if ran.code != 0 || predicted != *expected || (!gone && happened != *expected) {
                wrong.push(format!(
                    "`{line}` ({}): predicted {predicted:?}, happened {happened:?}, catalogued {expected:?}\n{}",
                    ran.code, ran.stderr
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "hard is `Some(true)`:\n{}", wrong.join("\n"));
}

/// The shortest of these tests, for the short oracle.
#[test]
fn a_database_that_is_killed_and_one_that_is_stopped() {
    try_all(Compose::V2, &[(&["kill"], Some(true)), (&["stop"], Some(false)), (&["up -d"], None)]);
}

#[test]
fn a_database_that_gets_no_time() {
    try_all(Compose::V2, &[(HARD, Some(true)), (HARD_V2, Some(true))]);
}

#[test]
fn a_database_that_gets_its_time() {
    try_all(Compose::V2, &[(SOFT, Some(false)), (SOFT_V2, Some(false)), (NOT_AT_ALL, None)]);
}

#[test]
fn a_database_under_v1() {
    // It takes seconds for each.
    let some: Vec<&str> = HARD.iter().copied().step_by(3).collect();
    try_all(
        Compose::V1,
        &[(&some, Some(true)), (&["stop", "kill -s TERM"], Some(false)), (&["kill -s HUP"], None)],
    );
}
