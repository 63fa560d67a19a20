//! `down` and its arguments.

use super::row::Fate::{self, Deleted, Kept, Orphaned};
use super::row::{Files, ROW, Row, rows};
use crate::support::Compose;

/// `prof` is in a profile that is not active; nobody uses `unused`.
const MATRIX: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data", "/anon"] }
  web: { {S}, depends_on: [db], volumes: ["wdata:/data"] }
  prof: { {S}, profiles: [extra], volumes: ["pdata:/data"] }
volumes: { data: , wdata: , pdata: , unused: }
"#,
)];

const UP_ALL: &[&str] = &["--profile extra up -d"];

const MATRIX_ROW: Row = Row { files: MATRIX, setup: UP_ALL, after: UP_ALL, ..ROW };

const ALL_KEPT: &[(&str, Fate)] =
    &[("db:/data", Kept), ("db:/anon", Kept), ("web:/data", Kept), ("prof:/data", Kept)];

const ACTIVE_DELETED: &[(&str, Fate)] =
    &[("db:/data", Deleted), ("db:/anon", Deleted), ("web:/data", Deleted), ("prof:/data", Kept)];

const ALL_DELETED: &[(&str, Fate)] =
    &[("db:/data", Deleted), ("db:/anon", Deleted), ("web:/data", Deleted), ("prof:/data", Deleted)];

/// For spellings: one service, and a look at what is left.
const SMALL: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data", "/anon"] }
volumes: { data: }
"#,
)];

const SMALL_ROW: Row = Row { files: SMALL, after: &[], ..ROW };

const SMALL_DELETED: &[(&str, Fate)] = &[("db:/data", Deleted), ("db:/anon", Deleted)];

rows! {
    down: Row {
        words: &["down"],
        fates: &[("db:/data", Kept), ("db:/anon", Orphaned), ("web:/data", Kept), ("prof:/data", Kept)],
        ..MATRIX_ROW
    };
    down_v: Row { words: &["down -v"], fates: ACTIVE_DELETED, ..MATRIX_ROW };
    down_v_spelled: Row {
        words: &[
            "down --volumes",
            "down -vt 0",
            "down -vt0",
            "down -t 0 -v",
            "down --volumes=true",
            "down --volumes=1",
            "down --volumes=T",
        ],
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
    down_v_spelled_oddly: Row {
        words: &[
            "down -v=true",
            "down --volumes=false -v",
            "down --volume",
            "--verbose down -v",
            "-D down -v",
            "--dry-run=false down -v",
            "down -v -t -1",
        ],
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
    down_volumes_false: Row {
        words: &["down --volumes=false", "down --volumes=0", "down -v=false", "down -v --volumes=false"],
        fates: &[("db:/data", Kept), ("db:/anon", Orphaned)],
        ..SMALL_ROW
    };
    down_refused_by_compose: Row {
        words: &[
            "down --volumes=yes",
            "down -tv",
            "down -t0v",
            "down --vol",
            "down -v nosuch",
            "down -- -v",
            "down -- db -v",
            "-- down -v",
            "down -v -f x",
            "down -v -p x",
            "down -v --project-name x",
            "-v down",
        ],
        fates: ALL_KEPT,
        ..MATRIX_ROW
    };
    down_dry_run_and_help: Row {
        words: &["--dry-run down -v", "down -v --dry-run", "down -vh", "down -v --help"],
        fates: ALL_KEPT,
        ..MATRIX_ROW
    };
    down_v_service: Row {
        words: &["down -v db", "down db -v", "down -v -- db"],
        fates: &[("db:/data", Deleted), ("db:/anon", Deleted), ("web:/data", Kept), ("prof:/data", Kept)],
        ..MATRIX_ROW
    };
    down_v_service_takes_its_dependencies_volumes: Row {
        before: &["rm -fs db"],
        words: &["down -v web"],
        fates: &[("db:/data", Deleted), ("web:/data", Deleted), ("prof:/data", Kept)],
        ..MATRIX_ROW
    };
    down_v_service_of_an_inactive_profile: Row {
        words: &["down -v prof"],
        fates: &[("db:/data", Kept), ("db:/anon", Kept), ("web:/data", Kept), ("prof:/data", Deleted)],
        ..MATRIX_ROW
    };
    down_v_service_whose_volume_another_uses: Row {
        files: &[(
            "compose.yml",
            r#"
services:
  db: { {S}, volumes: ["data:/data"] }
  reader: { {S}, volumes: ["data:/data"] }
volumes: { data: }
"#,
        )],
        words: &["down -v db"],
        fates: &[("db:/data", Kept)],
        conservative: Some("whether `reader` runs on is known to Compose only when it tries to delete"),
        ..ROW
    };
    down_v_with_root_flags: Row {
        words: &["-fcompose.yml down -v", "--file=compose.yml down -v", "-p={P} -f compose.yml down -v"],
        fates: ACTIVE_DELETED,
        ..MATRIX_ROW
    };
    down_v_with_profiles: Row {
        words: &["--profile extra down -v", "--profile a --profile=extra down -v", "--profile '*' down -v"],
        fates: ALL_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    /// The flag is no list.
    down_v_with_a_comma_in_the_profile: Row {
        words: &["--profile=a,extra down -v"],
        fates: ACTIVE_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    down_v_with_compose_profiles: Row {
        words: &["down -v"],
        environment: &[("COMPOSE_PROFILES", "extra")],
        fates: ALL_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    down_v_with_every_compose_profile: Row {
        words: &["down -v"],
        environment: &[("COMPOSE_PROFILES", "*")],
        fates: ALL_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    down_v_with_profiles_in_env_file: Row {
        changed: &[(".env", "COMPOSE_PROFILES=extra\n")],
        words: &["down -v"],
        fates: ALL_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    down_v_all_resources: Row {
        before: &["--profile extra rm -fs prof"],
        words: &["--all-resources down -v"],
        fates: ALL_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    label_mode_by_flag: Row { words: &["-p {P} down -v"], fates: ALL_DELETED, after: &[], ..MATRIX_ROW };
    label_mode_by_flag_ignores_compose_file: Row {
        words: &["-p {P} down -v"],
        environment: &[("COMPOSE_FILE", "compose.yml")],
        fates: ALL_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    label_mode_by_variable_without_a_file: Row {
        changed: &[("../empty/nothing", "")],
        words: &["@../empty down -v"],
        environment: &[("COMPOSE_PROJECT_NAME", "{P}")],
        fates: ALL_DELETED,
        after: &[],
        ..MATRIX_ROW
    };
    project_name_variable_with_a_file: Row {
        words: &["down -v"],
        environment: &[("COMPOSE_PROJECT_NAME", "{P}")],
        fates: ACTIVE_DELETED,
        ..MATRIX_ROW
    };
    no_file_and_no_name: Row {
        changed: &[("../empty/nothing", "")],
        words: &["@../empty down -v"],
        fates: ALL_KEPT,
        ..MATRIX_ROW
    };
    /// With a name in the environment, a service that the file does not have makes Compose forget the file.
    label_mode_by_a_service_that_is_not_in_the_file: Row {
        changed: SMALL,
        words: &["down -v web"],
        environment: &[("COMPOSE_PROJECT_NAME", "{P}")],
        fates: &[("db:/data", Kept), ("web:/data", Deleted), ("prof:/data", Kept)],
        after: &[],
        ..MATRIX_ROW
    };
    label_mode_by_a_service_that_is_not_in_the_file_takes_all: Row {
        changed: SMALL,
        before: &["docker rm -f {P}-db-1 {P}-prof-1"],
        words: &["down -v web"],
        environment: &[("COMPOSE_PROJECT_NAME", "{P}")],
        fates: &[("db:/data", Deleted), ("web:/data", Deleted), ("prof:/data", Deleted)],
        after: &[],
        ..MATRIX_ROW
    };
    label_mode_plain_down: Row {
        words: &["-p {P} down"],
        fates: &[("db:/data", Kept), ("db:/anon", Orphaned), ("web:/data", Kept), ("prof:/data", Kept)],
        ..MATRIX_ROW
    };
    label_mode_service_takes_all: Row {
        before: &["rm -fs web"],
        words: &["-p {P} down -v db"],
        fates: &[("db:/data", Deleted), ("web:/data", Deleted), ("prof:/data", Kept)],
        after: &[],
        ..MATRIX_ROW
    };
    /// `web` depends on `db`, by its label.
    label_mode_service_takes_its_dependents: Row {
        words: &["-p {P} down -v db"],
        fates: &[("db:/data", Deleted), ("web:/data", Deleted), ("prof:/data", Kept)],
        after: &[],
        ..MATRIX_ROW
    };
    label_mode_deletes_what_is_external_now: Row {
        changed: &[(
            "compose.yml",
            r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { external: true, name: "{P}_data" } }
"#,
        )],
        words: &["-p {P} down -v"],
        fates: &[("db:/data", Deleted)],
        ..SMALL_ROW
    };
    down_v_keeps_what_is_external_now: Row {
        changed: &[(
            "compose.yml",
            r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { external: true, name: "{P}_data" } }
"#,
        )],
        words: &["down -v"],
        fates: &[("db:/data", Kept)],
        ..SMALL_ROW
    };
    subdirectory: Row {
        files: &[MATRIX[0], ("sub/nothing", "")],
        words: &["@sub down -v"],
        fates: ACTIVE_DELETED,
        ..MATRIX_ROW
    };
    file_on_standard_input: Row {
        words: &["-f - down -v"],
        stdin: SMALL[0].1,
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
    file_on_standard_input_by_variable: Row {
        words: &["down -v"],
        environment: &[("COMPOSE_FILE", "-")],
        stdin: SMALL[0].1,
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
    file_on_standard_input_by_dot_env: Row {
        changed: &[(".env", "COMPOSE_FILE=-\n")],
        words: &["down -v"],
        stdin: SMALL[0].1,
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
    env_file_leads_elsewhere: Row {
        changed: &[("../other/.env", "COMPOSE_FILE=../{P}/compose.yml\n")],
        words: &["@../other down -v"],
        fates: ACTIVE_DELETED,
        ..MATRIX_ROW
    };
    dropped_service: Row {
        changed: SMALL,
        words: &["down -v"],
        fates: DROPPED,
        after: &[],
        ..MATRIX_ROW
    };
    dropped_service_remove_orphans: Row {
        changed: SMALL,
        words: &["down -v --remove-orphans"],
        fates: DROPPED,
        after: &[],
        ..MATRIX_ROW
    };
    dropped_service_remove_orphans_variable: Row {
        changed: SMALL,
        words: &["down -v"],
        environment: &[("COMPOSE_REMOVE_ORPHANS", "1")],
        fates: DROPPED,
        after: &[],
        ..MATRIX_ROW
    };
    containers_already_gone: Row {
        before: &["down"],
        words: &["down -v"],
        fates: &[("db:/data", Deleted), ("web:/data", Deleted), ("prof:/data", Kept)],
        ..MATRIX_ROW
    };
    failing_pre_stop_hook: Row {
        files: &[(
            "compose.yml",
            r#"
services:
  db: { {S}, volumes: ["data:/data"], pre_stop: [{ command: ["/bin/cat", "/nosuch"] }] }
volumes: { data: }
"#,
        )],
        words: &["down -v"],
        fates: &[("db:/data", Kept)],
        ..ROW
    };
    config_fails_but_down_does_not: Row {
        changed: &[(
            "compose.yml",
            r#"
services:
  db: { {S}, env_file: nosuch.env, volumes: ["data:/data", "/anon"] }
volumes: { data: }
"#,
        )],
        words: &["down -v"],
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
    required_variable_unset: Row {
        changed: &[(
            "compose.yml",
            r#"
services:
  db: { {S}, environment: ["A=${MUST:?}"], volumes: ["data:/data", "/anon"] }
volumes: { data: }
"#,
        )],
        words: &["down -v"],
        fates: &[("db:/data", Kept), ("db:/anon", Kept)],
        ..SMALL_ROW
    };
    required_variable_unset_label_mode: Row {
        changed: &[(
            "compose.yml",
            r#"
services:
  db: { {S}, environment: ["A=${MUST:?}"], volumes: ["data:/data", "/anon"] }
volumes: { data: }
"#,
        )],
        words: &["-p {P} down -v"],
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
}

/// The volume of a service that is not in the file any more stays.
const DROPPED: &[(&str, Fate)] =
    &[("db:/data", Deleted), ("db:/anon", Deleted), ("web:/data", Kept), ("prof:/data", Kept)];

const V1_ROW: Row = Row { compose: Compose::V1, ..MATRIX_ROW };

rows! {
    v1_down: Row {
        words: &["down"],
        fates: &[("db:/data", Kept), ("db:/anon", Orphaned), ("web:/data", Kept), ("prof:/data", Kept)],
        ..V1_ROW
    };
    v1_down_v: Row { words: &["down -v"], fates: ALL_DELETED, after: &[], ..V1_ROW };
    v1_down_v_spelled: Row {
        words: &["down -vt 0", "down --volumes", "down --vol", "down --volume"],
        compose: Compose::V1,
        fates: SMALL_DELETED,
        ..SMALL_ROW
    };
    v1_prints_its_usage: Row {
        words: &["down --volumes=true", "down -v db"],
        compose: Compose::V1,
        fates: &[("db:/data", Kept), ("db:/anon", Kept)],
        ..SMALL_ROW
    };
    v1_has_no_label_mode: Row {
        changed: &[("../empty/nothing", "")],
        words: &["@../empty -p {P} down -v"],
        compose: Compose::V1,
        fates: &[("db:/data", Kept), ("db:/anon", Kept)],
        ..SMALL_ROW
    };
    v1_volume_in_use: Row {
        before: &["docker create --name {P}holder --network none -v {P}_data:/x {I}:plain"],
        words: &["down -v"],
        compose: Compose::V1,
        fates: &[("db:/data", Kept), ("db:/anon", Deleted)],
        ..SMALL_ROW
    };
}
