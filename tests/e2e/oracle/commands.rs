//! Commands other than `down`, on data in the layer, in anonymous volumes and in a named one.

use super::row::Fate::{self, Deleted, Kept, Orphaned};
use super::row::{Files, ROW, Row, rows};
use crate::support::Compose;

const FOUR: Files = &[(
    "compose.yml",
    r#"
services:
  layer: { {S} }
  imgvol: { {V} }
  anon: { {S}, volumes: [/data] }
  named: { {S}, volumes: ["store:/data"] }
volumes: { store: }
"#,
)];

const CHANGED: Files = &[(
    "compose.yml",
    r#"
services:
  layer: { {S}, environment: [A=b] }
  imgvol: { {V}, environment: [A=b] }
  anon: { {S}, volumes: [/data], environment: [A=b] }
  named: { {S}, volumes: ["store:/data"], environment: [A=b] }
volumes: { store: }
"#,
)];

/// Two of the services are orphans.
const FEWER: Files = &[(
    "compose.yml",
    r#"
services:
  imgvol: { {V} }
  named: { {S}, volumes: ["store:/data"] }
volumes: { store: }
"#,
)];

const CHAIN: Files = &[("compose.yml", "services: { db: { {S} }, web: { {S}, depends_on: [db] } }")];

const CHAIN_CHANGED: Files =
    &[("compose.yml", "services: { db: { {S}, environment: [A=b] }, web: { {S}, depends_on: [db] } }")];

type Fates = &'static [(&'static str, Fate)];

const KEPT: Fates =
    &[("layer:/place", Kept), ("imgvol:/imgvol", Kept), ("anon:/data", Kept), ("named:/data", Kept)];

const REMOVED: Fates = &[
    ("layer:/place", Deleted),
    ("imgvol:/imgvol", Orphaned),
    ("anon:/data", Orphaned),
    ("named:/data", Kept),
];

const REMOVED_V: Fates =
    &[("layer:/place", Deleted), ("imgvol:/imgvol", Deleted), ("anon:/data", Deleted), ("named:/data", Kept)];

const RECREATED: Fates =
    &[("layer:/place", Deleted), ("imgvol:/imgvol", Kept), ("anon:/data", Kept), ("named:/data", Kept)];

/// V1 looks for an image's volumes where neither `docker import` nor BuildKit writes them (`ContainerConfig`), and so
/// does not carry them over.
const RECREATED_BY_V1: Fates =
    &[("layer:/place", Deleted), ("imgvol:/imgvol", Orphaned), ("anon:/data", Kept), ("named:/data", Kept)];

const ORPHANS_REMOVED: Fates =
    &[("layer:/place", Deleted), ("imgvol:/imgvol", Kept), ("anon:/data", Orphaned), ("named:/data", Kept)];

const FOUR_ROW: Row = Row { files: FOUR, ..ROW };

const TWICE: &[&str] = &["up -d", "up -d --force-recreate"];

const EMPTY: Files = &[("../empty/nothing", "")];

const TWO_EACH: &[&str] = &["up -d --scale layer=2 --scale anon=2"];

const SECOND_REMOVED: Fates =
    &[("layer:/place", Kept), ("anon:/data", Kept), ("layer.2:/place", Deleted), ("anon.2:/data", Orphaned)];

/// Each service refers to another in one of the ways that Compose resolves before it compares configurations.
const REFERENCES_BY_NAMESPACE: (&str, &str) = (
    "compose.yml",
    r#"
x-safe-compose: { services: { app: { kind: volume }, db: { kind: volume }, pid: { kind: volume }, env: { kind: volume } } }
services:
  app: { {S}, ipc: shareable }
  db: { image: "{I}:plain", network_mode: "service:app" }
  pid: { {S}, pid: "service:app", ipc: "service:app" }
  env: { {S}, env_file: some.env, environment: [UNSET] }
"#,
);

const SOME_ENV: (&str, &str) = ("some.env", "A=1\nB='x$y'\n");

const REFERENCES: Files = &[
    (
        "compose.yml",
        r#"
x-safe-compose:
  services:
    app: { kind: volume }
    db: { kind: volume }
    pid: { kind: volume }
    env: { kind: volume }
    volumes: { kind: volume }
services:
  app: { {S}, ipc: shareable }
  db: { image: "{I}:plain", network_mode: "service:app" }
  pid: { {S}, pid: "service:app", ipc: "service:app" }
  env: { {S}, env_file: some.env, environment: [UNSET] }
  volumes: { {S}, volumes_from: ["app:ro"] }
"#,
    ),
    SOME_ENV,
];

const REFERRING: &[(&str, super::row::Fate)] = &[
    ("app:/place", Kept),
    ("db:/place", Kept),
    ("pid:/place", Kept),
    ("env:/place", Kept),
    ("volumes:/place", Kept),
];

rows! {
    four_down: Row { words: &["down"], fates: REMOVED, ..FOUR_ROW };
    four_down_v: Row {
        words: &["down -v"],
        fates: &[
            ("layer:/place", Deleted),
            ("imgvol:/imgvol", Deleted),
            ("anon:/data", Deleted),
            ("named:/data", Deleted),
        ],
        ..FOUR_ROW
    };
    force_recreate: Row {
        words: &["up -d --force-recreate", "create --force-recreate", "up --no-start --force-recreate"],
        fates: RECREATED,
        ..FOUR_ROW
    };
    up_after_a_change: Row { changed: CHANGED, words: &["up -d"], fates: RECREATED, ..FOUR_ROW };
    create_after_a_change: Row { changed: CHANGED, words: &["create"], fates: RECREATED, ..FOUR_ROW };
    up_one_after_a_change: Row {
        changed: CHANGED,
        words: &["up -d named"],
        after: &[],
        fates: KEPT,
        conservative: None,
        ..FOUR_ROW
    };
    up_after_another_image: Row {
        files: &[(
            "compose.yml",
            "services: { layer: { image: '{P}:app', network_mode: none }, imgvol: { {V} } }",
        )],
        setup: &["docker tag {I}:plain {P}:app", "up -d"],
        before: &["docker tag {I}:other {P}:app"],
        words: &["up -d"],
        fates: &[("layer:/place", Deleted), ("imgvol:/imgvol", Kept)],
        ..ROW
    };
    up_takes_the_network_owner_along: Row {
        files: &[(
            "compose.yml",
            r#"
services:
  owner: { {S} }
  guest: { image: "{I}:plain", network_mode: "service:owner" }
"#,
        )],
        changed: &[(
            "compose.yml",
            r#"
services:
  owner: { {S}, environment: [A=b] }
  guest: { image: "{I}:plain", network_mode: "service:owner" }
"#,
        )],
        words: &["up -d"],
        fates: &[("owner:/place", Deleted), ("guest:/place", Deleted)],
        ..ROW
    };
    up_leaves_references_alone: Row { files: REFERENCES, words: &["up -d", "up -d db pid"], fates: REFERRING, ..ROW };
    up_after_a_referring_service_changed: Row {
        files: REFERENCES,
        changed: &[("some.env", "A=2\nB='x$y'\n")],
        words: &["up -d"],
        after: &[],
        fates: &[("app:/place", Kept), ("db:/place", Kept), ("env:/place", Deleted), ("volumes:/place", Kept)],
        ..ROW
    };
    older_up_leaves_references_alone: Row {
        compose: Compose::V2Older,
        files: &[REFERENCES_BY_NAMESPACE, SOME_ENV],
        words: &["up -d"],
        fates: &[("app:/place", Kept), ("db:/place", Kept), ("pid:/place", Kept), ("env:/place", Kept)],
        ..ROW
    };
    v1_up_leaves_references_alone: Row {
        compose: Compose::V1,
        files: &[("docker-compose.yml", concat!(
            "version: '2.4'\nservices:\n",
            "  app: { {S} }\n",
            "  db: { image: '{I}:plain', network_mode: 'service:app' }\n",
            "  volumes: { {S}, volumes_from: [app] }\n",
        ))],
        words: &["up -d"],
        fates: &[("app:/place", Kept), ("db:/place", Kept), ("volumes:/place", Kept)],
        ..ROW
    };
    v1_run_leaves_dependencies_alone: Row {
        compose: Compose::V1,
        files: &[(
            "docker-compose.yml",
            "version: '2.4'\nservices: { db: { {S} }, web: { {S}, depends_on: [db] } }\nx-safe-compose: { services: { db: { kind: volume } } }\n",
        )],
        changed: &[(
            "docker-compose.yml",
            "version: '2.4'\nservices: { db: { {S}, environment: { A: b } }, web: { {S}, depends_on: [db] } }\nx-safe-compose: { services: { db: { kind: volume } } }\n",
        )],
        words: &["run --rm web true"],
        after: &[],
        fates: &[("db:/place", Kept)],
        ..ROW
    };
    renew_anonymous_volumes: Row {
        words: &["up -dV", "up -d --renew-anon-volumes"],
        fates: REMOVED,
        ..FOUR_ROW
    };
    renew_anonymous_volumes_of_one: Row {
        words: &["up anon -dV"],
        fates: &[
            ("layer:/place", Kept),
            ("imgvol:/imgvol", Kept),
            ("anon:/data", Orphaned),
            ("named:/data", Kept),
        ],
        ..FOUR_ROW
    };
    nothing_lost: Row {
        words: &[
            "up -d",
            "up -d --no-recreate",
            "restart",
            "restart -t 0",
            "stop -t 0",
            "kill",
            "start",
            "create",
            "rm -f",
            "rm -fv",
            "unpause",
        ],
        fates: KEPT,
        ..FOUR_ROW
    };
    nothing_lost_by_no_recreate: Row {
        changed: CHANGED,
        words: &["up -d --no-recreate"],
        after: &[],
        fates: KEPT,
        ..FOUR_ROW
    };
    paused: Row { words: &["pause"], after: &["unpause"], fates: KEPT, ..FOUR_ROW };
    remove_stopped: Row { before: &["stop"], words: &["rm -f"], fates: REMOVED, ..FOUR_ROW };
    remove_and_stop: Row { words: &["rm -fs", "rm --stop --force"], fates: REMOVED, ..FOUR_ROW };
    remove_with_volumes: Row { words: &["rm -fsv", "rm -v -s --force"], fates: REMOVED_V, ..FOUR_ROW };
    remove_one_with_volumes: Row {
        words: &["rm -sfv anon"],
        fates: &[
            ("layer:/place", Kept),
            ("imgvol:/imgvol", Kept),
            ("anon:/data", Deleted),
            ("named:/data", Kept),
        ],
        ..FOUR_ROW
    };
    remove_with_volumes_answered: Row {
        before: &["stop"],
        words: &["rm -v"],
        stdin: "y\n",
        fates: REMOVED_V,
        ..FOUR_ROW
    };
    remove_not_answered: Row {
        before: &["stop"],
        words: &["rm"],
        fates: KEPT,
        conservative: Some("what Compose's own question will be answered is not known before"),
        ..FOUR_ROW
    };
    inherited_volume_down_v: Row {
        setup: TWICE,
        words: &["down -v"],
        fates: &[("imgvol:/imgvol", Orphaned), ("anon:/data", Orphaned), ("named:/data", Deleted)],
        ..FOUR_ROW
    };
    inherited_volume_remove: Row {
        setup: TWICE,
        words: &["rm -fsv"],
        fates: &[("imgvol:/imgvol", Orphaned), ("anon:/data", Orphaned), ("named:/data", Kept)],
        ..FOUR_ROW
    };
    remove_in_label_mode: Row {
        changed: EMPTY,
        words: &["@../empty -p {P} rm -fsv"],
        fates: REMOVED_V,
        ..FOUR_ROW
    };
    remove_in_label_mode_by_variable: Row {
        changed: EMPTY,
        words: &["@../empty rm -fsv"],
        environment: &[("COMPOSE_PROJECT_NAME", "{P}")],
        fates: REMOVED_V,
        ..FOUR_ROW
    };
    scaled_to_none: Row {
        words: &["up -d --scale layer=0 --scale anon=0", "scale layer=0 anon=0"],
        after: &[],
        fates: ORPHANS_REMOVED,
        ..FOUR_ROW
    };
    scaled_down: Row {
        setup: TWO_EACH,
        words: &["scale layer=1 anon=1", "up -d --scale layer=1 --scale anon=1", "up -d"],
        after: &[],
        fates: SECOND_REMOVED,
        ..FOUR_ROW
    };
    /// Which of two outdated containers goes is left to chance: the volume of either may be left behind.
    scaled_down_with_a_change: Row {
        setup: TWO_EACH,
        changed: CHANGED,
        words: &["up -d --scale layer=1 --scale anon=1"],
        after: &[],
        fates: &[("layer:/place", Deleted), ("layer.2:/place", Deleted), ("named:/data", Kept)],
        ..FOUR_ROW
    };
    remove_orphans: Row {
        changed: FEWER,
        words: &["up -d --remove-orphans", "create --remove-orphans", "run --rm --remove-orphans named /bin/ls"],
        after: &[],
        fates: ORPHANS_REMOVED,
        ..FOUR_ROW
    };
    remove_orphans_by_variable: Row {
        changed: FEWER,
        words: &["up -d"],
        environment: &[("COMPOSE_REMOVE_ORPHANS", "1")],
        after: &[],
        fates: ORPHANS_REMOVED,
        ..FOUR_ROW
    };
    remove_orphans_by_dot_env: Row {
        changed: &[FEWER[0], (".env", "COMPOSE_REMOVE_ORPHANS=true\n")],
        words: &["up -d"],
        after: &[],
        fates: ORPHANS_REMOVED,
        ..FOUR_ROW
    };
    down_remove_orphans: Row {
        changed: FEWER,
        words: &["down --remove-orphans"],
        after: &[],
        fates: REMOVED,
        ..FOUR_ROW
    };
    down_remove_orphans_by_variable: Row {
        changed: FEWER,
        words: &["down"],
        environment: &[("COMPOSE_REMOVE_ORPHANS", "1")],
        after: &[],
        fates: REMOVED,
        ..FOUR_ROW
    };
    down_leaves_orphans: Row {
        changed: FEWER,
        words: &["down"],
        after: &[],
        fates: &[("layer:/place", Kept), ("imgvol:/imgvol", Orphaned), ("anon:/data", Kept), ("named:/data", Kept)],
        ..FOUR_ROW
    };
    orphans_left_alone: Row {
        changed: FEWER,
        words: &["run --rm named /bin/ls", "up -d"],
        environment: &[],
        after: &[],
        fates: KEPT,
        ..FOUR_ROW
    };
    run_ignores_the_variable: Row {
        changed: FEWER,
        words: &["run --rm named /bin/ls"],
        environment: &[("COMPOSE_REMOVE_ORPHANS", "1")],
        after: &[],
        fates: KEPT,
        conservative: Some("the variable does nothing here in 2.40, and nobody says what the next release does"),
        ..FOUR_ROW
    };
    kill_remove_orphans: Row {
        changed: FEWER,
        words: &["kill --remove-orphans"],
        after: &[],
        fates: KEPT,
        ..FOUR_ROW
    };
    run_once: Row { words: &["run --rm named /bin/ls", "run named /bin/ls"], fates: KEPT, ..FOUR_ROW };
    /// `down` leaves it running, and with it what it mounts.
    down_v_beside_a_one_off_container: Row {
        before: &["run -d named"],
        words: &["down -v"],
        fates: &[("layer:/place", Deleted), ("anon:/data", Deleted), ("named:/data", Kept)],
        ..FOUR_ROW
    };
    wait_down_project: Row {
        files: &[(
            "compose.yml",
            r#"
services:
  job: { {S}, command: [/bin/sleep, "5"] }
  layer: { {S} }
  anon: { {S}, volumes: [/data] }
  named: { {S}, volumes: ["store:/data"] }
volumes: { store: }
"#,
        )],
        words: &["wait --down-project job"],
        fates: &[("layer:/place", Deleted), ("anon:/data", Orphaned), ("named:/data", Kept)],
        ..ROW
    };
    wait_down_project_takes_inactive_profiles_along: Row {
        files: &[(
            "compose.yml",
            r#"
services:
  job: { {S}, command: [/bin/sleep, "5"] }
  prof: { {S}, profiles: [extra], volumes: [/data, "store:/named"] }
volumes: { store: }
"#,
        )],
        setup: &["--profile extra up -d"],
        words: &["wait --down-project job"],
        after: &["--profile extra up -d"],
        fates: &[("prof:/place", Deleted), ("prof:/data", Orphaned), ("prof:/named", Kept)],
        ..ROW
    };
    up_until_one_exits: Row {
        files: &[(
            "compose.yml",
            r#"
services:
  job: { {S}, command: [/bin/sleep, "1"] }
  layer: { {S} }
  anon: { {S}, volumes: [/data] }
"#,
        )],
        before: &["stop"],
        words: &["up --abort-on-container-exit", "up --exit-code-from job"],
        fates: &[("layer:/place", Kept), ("anon:/data", Kept)],
        ..ROW
    };
    copy_over_data: Row {
        files: &[FOUR[0], ("mark", "something else\n")],
        words: &["cp mark named:/data/mark"],
        fates: &[("named:/data", Deleted)],
        ..ROW
    };
    copy_out: Row {
        words: &["cp named:/data/mark copied"],
        fates: KEPT,
        ..FOUR_ROW
    };
    interrupted_at_once: Row { words: &["kill named", "stop -t 0 named"], fates: KEPT, ..FOUR_ROW };
    v1_recreation: Row {
        compose: Compose::V1,
        words: &["up -d --force-recreate"],
        fates: RECREATED_BY_V1,
        ..FOUR_ROW
    };
    v1_change: Row {
        compose: Compose::V1,
        changed: CHANGED,
        words: &["up -d"],
        fates: RECREATED_BY_V1,
        ..FOUR_ROW
    };
    dependents_are_left_alone: Row {
        files: CHAIN,
        changed: CHAIN_CHANGED,
        words: &["up -d", "create"],
        fates: &[("db:/place", Deleted), ("web:/place", Kept)],
        ..ROW
    };
    v1_leaves_running_dependents_alone: Row {
        compose: Compose::V1,
        files: CHAIN,
        changed: CHAIN_CHANGED,
        words: &["up -d"],
        after: &[],
        fates: &[("db:/place", Deleted), ("web:/place", Kept)],
        ..ROW
    };
    v1_makes_stopped_dependents_anew: Row {
        compose: Compose::V1,
        files: CHAIN,
        changed: CHAIN_CHANGED,
        before: &["stop web"],
        words: &["up -d"],
        after: &[],
        fates: &[("db:/place", Deleted), ("web:/place", Deleted)],
        ..ROW
    };
    v1_renew_anonymous_volumes: Row {
        compose: Compose::V1,
        words: &["up -dV"],
        fates: REMOVED,
        ..FOUR_ROW
    };
    v1_remove: Row { compose: Compose::V1, words: &["rm -fs"], fates: REMOVED, ..FOUR_ROW };
    v1_remove_with_volumes: Row { compose: Compose::V1, words: &["rm -fsv"], fates: REMOVED_V, ..FOUR_ROW };
    v1_scaled_to_none: Row {
        compose: Compose::V1,
        words: &["up -d --scale layer=0 --scale anon=0"],
        after: &[],
        fates: ORPHANS_REMOVED,
        ..FOUR_ROW
    };
    v1_remove_orphans: Row {
        compose: Compose::V1,
        changed: FEWER,
        words: &["up -d --remove-orphans"],
        after: &[],
        fates: ORPHANS_REMOVED,
        ..FOUR_ROW
    };
    v1_nothing_lost: Row {
        compose: Compose::V1,
        words: &["up -d", "restart -t 0", "stop -t 0", "kill"],
        fates: KEPT,
        ..FOUR_ROW
    };
}
