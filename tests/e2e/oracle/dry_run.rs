//! Generated `down`s: what we say will be destroyed holds everything that Compose's own rehearsal says.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::engine;
use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;

/// Two services of a profile, one of another; two share a volume; a chain of dependencies.
const SHOP: Files = &[
    (
        "compose.yml",
        r#"
services:
  db: { {S}, volumes: ["data:/data", "/anon"] }
  cache: { {S}, volumes: ["cached:/data"] }
  web: { {S}, depends_on: [db, cache], volumes: ["wdata:/data", "shared:/shared"] }
  api: { {S}, depends_on: [db], volumes: ["shared:/shared"] }
  tool: { {S}, profiles: [extra], volumes: ["tdata:/data"] }
  probe: { {S}, profiles: [extra, more], depends_on: [tool], volumes: ["pdata:/data"] }
  other: { {S}, profiles: [more], volumes: ["odata:/data"] }
volumes: { data: , cached: , wdata: , shared: , tdata: , pdata: , odata: , fixed: { name: "{P}_fix" }, unused: }
"#,
    ),
    (
        "more.yml",
        r#"
services:
  db: { {S}, volumes: ["second:/second"] }
  cache: { {S}, depends_on: [db] }
volumes: { second: , shared: { external: true, name: "{P}_shared" } }
"#,
    ),
    ("more.env", "COMPOSE_PROFILES=more\n"),
];

const SERVICES: &[&str] = &["db", "cache", "web", "api", "tool", "probe", "other"];

/// In each state of the project so many; `SAFE_COMPOSE_ORACLE_CASES` says otherwise.
const INVOCATIONS: usize = 40;

type Variables = Vec<(&'static str, &'static str)>;

/// What the environment may say beside the words.
fn variables() -> impl Strategy<Value = Variables> {
    prop_oneof![
        6 => Just(Vec::new()),
        1 => Just(vec![("COMPOSE_PROFILES", "extra")]),
        1 => Just(vec![("COMPOSE_PROFILES", "extra,more")]),
        1 => Just(vec![("COMPOSE_PROFILES", "*")]),
        1 => Just(vec![("COMPOSE_PROJECT_NAME", "{P}")]),
        1 => Just(vec![("COMPOSE_PROJECT_NAME", "{P}x")]),
        1 => Just(vec![("COMPOSE_FILE", "compose.yml")]),
        1 => Just(vec![("COMPOSE_FILE", "compose.yml:more.yml")]),
        1 => Just(vec![("COMPOSE_REMOVE_ORPHANS", "1"), ("COMPOSE_PROFILES", "more")]),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let globals = select(vec![
        "",
        "",
        "",
        "--profile extra",
        "--profile=more",
        "--profile extra --profile more",
        "--profile '*'",
        "--all-resources",
        "--all-resources --profile extra",
        "-p {P}",
        "-p{P}",
        "-p {P} --profile extra",
        "-p {P} -f compose.yml",
        "-fcompose.yml",
        "--file=compose.yml --project-name={P}",
        "--verbose",
        "--project-directory .",
        "-f compose.yml -f more.yml",
        "-fmore.yml -fcompose.yml --profile=extra",
        "-f more.yml",
        "--profile nosuch",
        "-p {P}x",
        "--env-file more.env",
        "--ansi never --progress plain --parallel 2",
    ]);
    let flags = vec![
        "-v",
        "--volumes",
        "-vt0",
        "-vt 0",
        "-t0",
        "-t 1 -v",
        "--volumes=true",
        "--volumes=false",
        "-v=0",
        "--volume",
        "--remove-orphans",
        "--rmi local",
        "-tv",
        "-vt=3",
        "-v=T",
        "-v=false",
        "--timeout=0 --volumes=1",
        "--rmi=all",
        "-t -1",
    ];
    let services = prop_oneof![2 => Just(Vec::new()), 2 => subsequence(SERVICES, 1..3)];
    (globals, subsequence(flags, 0..4).prop_shuffle(), services, 0..3_u8).prop_map(
        |(globals, flags, services, order)| {
            let (flags, services) = (flags.join(" "), services.join(" "));
            match order {
                0 => format!("{globals} down {flags} {services}"),
                1 => format!("{globals} down {services} {flags}"),
                _ => format!("{globals} down {flags} -- {services}"),
            }
        },
    )
}

/// `Volume X  Removing` and `Container X  Removed`: the names of one kind.
fn rehearsed<'a>(kind: &str, text: &'a str) -> BTreeSet<&'a str> {
    text.lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once(&format!(" {kind} "))?;
            let (name, what) = rest.trim().split_once(' ')?;
            what.trim().starts_with("Remov").then_some(name)
        })
        .collect()
}

fn destroyed(plan: &Value) -> BTreeSet<String> {
    let impacts = plan["plan"]["impacts"].as_array().cloned().unwrap_or_default();
    impacts
        .iter()
        .filter(|impact| impact["effect"] == "destroy" && impact["subject"]["type"] == "volume")
        .filter_map(|impact| impact["subject"]["name"].as_str().map(str::to_owned))
        .collect()
}

/// The rehearsal does not know what is in use; the engine does.
fn is_in_use(volume: &str, removed: &BTreeSet<&str>) -> bool {
    let filter = engine::filters("volume", volume);
    let users = engine::get(&format!("/containers/json?all=1&{filter}")).expect("a list");
    let names = users.as_array().into_iter().flatten().filter_map(|user| user["Names"][0].as_str());
    names.map(|name| name.trim_start_matches('/')).any(|name| !removed.contains(name))
}

fn invocations() -> usize {
    let cases = std::env::var("SAFE_COMPOSE_ORACLE_CASES").ok();
    cases.map_or(INVOCATIONS, |cases| cases.parse().expect("SAFE_COMPOSE_ORACLE_CASES is a number"))
}

#[test]
fn every_volume_of_the_rehearsal_is_in_our_plan() {
    hold(Compose::V2);
}

#[test]
fn every_volume_of_an_older_rehearsal_is_in_our_plan() {
    hold(Compose::V2Older);
}

fn hold(compose: Compose) {
    let Some(trial) = Trial::new(compose, SHOP) else { return };
    let mut runner = TestRunner::deterministic();
    let (mut asked, mut refused, mut destructive, mut larger, mut in_use) = (0, 0, 0, 0, 0);
    let mut wrong = Vec::new();
    // Everything runs; some have gone; none is left but the volumes.
    for state in ["--profile '*' up -d", "--profile '*' rm -fs db cache tool", "--profile '*' down"] {
        trial.real(state, &[], "").exits(0);
        let before = trial.snapshot();
        for _ in 0..invocations() {
            let (line, variables) = (line(), variables()).new_tree(&mut runner).expect("a line").current();
            asked += 1;
            let theirs = trial.real(&format!("--dry-run {line}"), &variables, "");
            if theirs.code != 0 {
                refused += 1;
                continue;
            }
            let text = format!("{}{}", theirs.stdout, theirs.stderr);
            let volumes = rehearsed("Volume", &text);
            destructive += usize::from(!volumes.is_empty());
            let ours = trial.safe(&["--safe-plan", "--safe-format=json"], &line, &variables, "");
            let plan: Option<Value> = serde_json::from_str(&ours.stdout).ok();
            let said = plan.as_ref().map(destroyed).unwrap_or_default();
            let removed = rehearsed("Container", &text);
            let (spared, missing): (Vec<&str>, Vec<&str>) = volumes
                .iter()
                .copied()
                .filter(|name| !said.contains(*name) && exists(name))
                .partition(|name| is_in_use(name, &removed));
            in_use += usize::from(!spared.is_empty());
            if !missing.is_empty() {
                wrong.push(format!(
                    "after `{state}`, {variables:?} `{line}`: {missing:?} missing\n--- ours {}\n{}{}\n--- theirs\n{text}",
                    ours.code, ours.stdout, ours.stderr,
                ));
            }
            larger +=
                usize::from(said.iter().any(|name| !is_anonymous(name) && !volumes.contains(name.as_str())));
        }
        assert_eq!(trial.snapshot(), before, "planning and rehearsing changed something");
    }
    eprintln!(
        "{asked} invocations: {refused} refused by Compose, {destructive} delete volumes; ours is larger in {larger}, \
         and spares a volume in use in {in_use}"
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(destructive >= asked / 4, "too few of the {asked} delete anything: {destructive}");
}

/// The rehearsal goes on about volumes that were never made.
fn exists(volume: &str) -> bool {
    engine::get(&format!("/volumes/{volume}")).is_some()
}

fn is_anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
