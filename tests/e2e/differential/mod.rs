//! Commands that lose no data, once through safe-compose and once through the real Compose: the same bytes on both
//! streams, the same exit code, the same state of the engine, the same files.
//!
//! `table` lists the command lines. Each is run with every Compose, directly and as the plugin of every Docker client on
//! this machine. Only what is random or depends on the time is normalized, and only in the lines that are marked so.

mod compare;
mod fast_path;
mod follow;
mod normalize;
mod side;
mod state;
mod table;

use std::path::PathBuf;

use crate::requirements::unavailable;
use crate::support::{Compose, docker_can};
use side::Caller;
use state::OwnRecords;
use table::{BOTH, Case, GUARDED, GUARDED_NEWEST, GUARDED_V2, NEWEST, PROGRAM_HELP, PROJECT, V2};

/// Every client of Docker on `PATH`: a machine may have several versions.
pub(crate) fn clients() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = Vec::new();
    for directory in std::env::split_paths(&path) {
        if let Ok(client) = directory.join("docker").canonicalize()
            && !found.contains(&client)
        {
            found.push(client);
        }
    }
    found
}

/// Runs every line of the lists with one Compose: first those that are handed over unread, then those of guarded commands.
fn all(compose: Compose, callers: &[Caller], harmless: &[&[Case]], guarded: &[&[Case]]) {
    let Some(pairs) = side::pairs(compose, callers, PROJECT) else { return };
    let harmless = harmless.iter().copied().flatten().copied();
    compare::all(&pairs, &harmless.chain(table::helps(compose)).collect::<Vec<_>>(), OwnRecords::Compared);
    compare::all(&pairs, &guarded.concat(), OwnRecords::Ignored);
}

#[test]
fn by_its_own_name() {
    all(
        Compose::V2,
        &[Caller::Person("safe-compose")],
        &[BOTH, V2, NEWEST],
        &[GUARDED, GUARDED_V2, GUARDED_NEWEST],
    );
}

#[test]
fn in_place_of_docker_compose() {
    all(
        Compose::V2,
        &[Caller::Person("docker-compose")],
        &[BOTH, V2, NEWEST],
        &[GUARDED, GUARDED_V2, GUARDED_NEWEST],
    );
}

#[test]
fn in_place_of_an_older_docker_compose() {
    all(Compose::V2Older, &[Caller::Person("docker-compose")], &[BOTH, V2], &[GUARDED, GUARDED_V2]);
}

#[test]
fn in_place_of_docker_compose_v1() {
    all(Compose::V1, &[Caller::Person("docker-compose")], &[BOTH], &[GUARDED]);
}

#[test]
fn as_a_plugin() {
    if !docker_can(&["compose", "version"]) {
        return unavailable("no `docker compose` here");
    }
    let callers: Vec<Caller> = clients().into_iter().map(Caller::Docker).collect();
    all(Compose::V2, &callers, &[PROGRAM_HELP, BOTH, V2, NEWEST], &[GUARDED, GUARDED_V2, GUARDED_NEWEST]);
}

#[test]
fn as_an_older_plugin() {
    if !docker_can(&["compose", "version"]) {
        return unavailable("no `docker compose` here");
    }
    // Which client it is makes no difference that depends on the version of Compose.
    let callers: Vec<Caller> = clients().into_iter().take(1).map(Caller::Docker).collect();
    all(Compose::V2Older, &callers, &[PROGRAM_HELP, BOTH, V2], &[GUARDED, GUARDED_V2]);
}

#[test]
fn commands_that_run_until_they_are_interrupted() {
    let mut callers = vec![Caller::Person("docker-compose")];
    if docker_can(&["compose", "version"]) {
        callers.extend(clients().into_iter().map(Caller::Docker));
    }
    for (compose, callers) in
        [(Compose::V2, &callers[..]), (Compose::V2Older, &callers), (Compose::V1, &callers[..1])]
    {
        if let Some(pairs) = side::pairs(compose, callers, PROJECT) {
            follow::all(&pairs);
        }
    }
}
