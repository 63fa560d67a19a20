//! Changes of the file since the containers were made, and the `up` behind them.

use super::row::Fate::{Deleted, Kept, Orphaned};
use super::row::{Files, ROW, Row, rows};

/// A file with one service.
macro_rules! db {
    ($service:literal, $volumes:literal) => {
        &[("compose.yml", concat!("services: { db: { ", $service, " } }\nvolumes: ", $volumes, "\n"))]
    };
}

const NAMED: Files = db!("{S}, volumes: ['data:/data']", "{ data: , other: }");
const ANONYMOUS: Files = db!("{S}, volumes: [/data]", "{}");
const LAYER: Files = db!("{S}", "{}");
const BIND: Files = db!("{S}, volumes: ['./here:/data']", "{ here: }");

const CHANGE: Row = Row { files: NAMED, words: &["up -d"], after: &[], ..ROW };

const LOST: &[(&str, super::row::Fate)] = &[("db:/data", Orphaned)];

const SUBPATH: Row = Row {
    api: 45,
    files: db!(
        "{S}, volumes: [{ type: volume, source: data, target: /data, volume: { subpath: a } }]",
        "{ data: }"
    ),
    setup: &[
        "docker volume create --label com.docker.compose.project={P} --label com.docker.compose.volume=data {P}_data",
        "docker run --rm --network none -v {P}_data:/look {I}:plain mkdir -p /look/a /look/b",
        "up -d",
    ],
    ..CHANGE
};

rows! {
    volume_key_renamed: Row {
        changed: db!("{S}, volumes: ['other:/data']", "{ data: , other: }"), fates: LOST, ..CHANGE
    };
    volume_name_added: Row {
        changed: db!("{S}, volumes: ['data:/data']", "{ data: { name: '{P}_named' } }"), fates: LOST, ..CHANGE
    };
    subpath_changed: Row {
        changed: db!("{S}, volumes: [{ type: volume, source: data, target: /data, volume: { subpath: b } }]", "{ data: }"),
        fates: LOST,
        ..SUBPATH
    };
    subpath_kept: Row { words: &["up -d --force-recreate"], fates: &[("db:/data", Kept)], ..SUBPATH };
    subpath_dropped: Row { changed: NAMED, fates: LOST, ..SUBPATH };
    target_moved: Row { changed: db!("{S}, volumes: ['data:/data2']", "{ data: }"), fates: LOST, ..CHANGE };
    named_to_nothing: Row { changed: LAYER, fates: LOST, ..CHANGE };
    named_to_anonymous: Row { changed: ANONYMOUS, fates: &[("db:/data", Kept)], ..CHANGE };
    named_to_anonymous_then_down: Row {
        changed: ANONYMOUS,
        before: &["up -d"],
        words: &["down"],
        after: &["up -d"],
        fates: LOST,
        ..CHANGE
    };
    named_to_anonymous_then_remove: Row {
        changed: ANONYMOUS, before: &["up -d"], words: &["rm -fs", "up -dV"], after: &["up -d"], fates: LOST, ..CHANGE
    };
    volume_key_renamed_after_a_down: Row {
        changed: db!("{S}, volumes: ['other:/data']", "{ data: , other: }"),
        before: &["down"],
        fates: LOST,
        ..CHANGE
    };
    anonymous_to_named: Row { files: ANONYMOUS, changed: NAMED, fates: LOST, ..CHANGE };
    named_to_bind: Row { changed: BIND, fates: LOST, ..CHANGE };
    bind_to_bind: Row {
        files: BIND, changed: db!("{S}, volumes: ['./there:/data']", "{}"), fates: LOST, ..CHANGE
    };
    bind_to_named: Row { files: BIND, changed: db!("{S}, volumes: ['here:/data']", "{ here: }"), fates: LOST, ..CHANGE };
    layer_to_named: Row { files: LAYER, changed: NAMED, fates: &[("db:/data", Deleted)], ..CHANGE };
    named_to_tmpfs: Row { changed: db!("{S}, tmpfs: [/data]", "{}"), fates: LOST, ..CHANGE };
    uncovered_image_volume_recreated: Row {
        files: db!("{V}, volumes: ['data:/img']", "{ data: }"),
        words: &["up -d --force-recreate"],
        fates: &[("db:/imgvol", Kept)],
        ..CHANGE
    };
    uncovered_image_volume_down: Row {
        files: db!("{V}, volumes: ['data:/img']", "{ data: }"),
        words: &["down"],
        after: &["up -d"],
        fates: &[("db:/imgvol", Orphaned)],
        ..CHANGE
    };
    image_without_its_volume: Row {
        files: db!("{V}", "{}"), changed: LAYER, fates: &[("db:/imgvol", Orphaned)], ..CHANGE
    };
    container_name_changed: Row {
        files: db!("{S}, container_name: '{P}one', volumes: [/data]", "{}"),
        changed: db!("{S}, container_name: '{P}two', volumes: [/data]", "{}"),
        fates: &[("db:/data", Kept), ("db:/place", Deleted)],
        ..CHANGE
    };
    made_external: Row {
        changed: db!("{S}, volumes: ['data:/data']", "{ data: { external: true, name: '{P}_data' } }"),
        fates: &[("db:/data", Kept)],
        ..CHANGE
    };
    v1_to_v2: Row {
        setup: &["v1 up -d"], fates: &[("db:/data", Kept), ("db:/place", Deleted)], ..CHANGE
    };
}

const TWO: Files = &[("compose.yml", "services: { old: { {S}, volumes: [/data] } }\n")];
const RENAMED: Files = &[("compose.yml", "services: { new: { {S}, volumes: [/data] } }\n")];

const RENAMING: Row = Row { files: TWO, changed: RENAMED, looks: &[("old", "new")], ..CHANGE };

rows! {
    service_renamed: Row {
        fates: &[("old:/data", Orphaned), ("old:/place", Orphaned)],
        ..RENAMING
    };
    service_renamed_remove_orphans: Row {
        words: &["up -d --remove-orphans"],
        fates: &[("old:/data", Orphaned), ("old:/place", Deleted)],
        ..RENAMING
    };
    service_renamed_with_fixed_container_name: Row {
        files: &[("compose.yml", "services: { old: { {S}, container_name: '{P}x', volumes: [/data] } }\n")],
        changed: &[("compose.yml", "services: { new: { {S}, container_name: '{P}x', volumes: [/data] } }\n")],
        looks: &[],
        fates: &[("old:/data", Kept), ("old:/place", Kept)],
        ..RENAMING
    };
}

const THREE: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data", "/anon"] }
volumes: { data: }
"#,
)];

const MOVED: Row = Row {
    files: THREE,
    looks: &[("db", "{P}b/db")],
    fates: &[("db:/data", Orphaned), ("db:/anon", Orphaned), ("db:/place", Orphaned)],
    ..CHANGE
};

rows! {
    project_renamed_by_flag: Row { words: &["-p {P}b up -d"], ..MOVED };
    project_renamed_by_variable: Row { environment: &[("COMPOSE_PROJECT_NAME", "{P}b")], ..MOVED };
    project_renamed_by_dot_env: Row { changed: &[(".env", "COMPOSE_PROJECT_NAME={P}b\n")], ..MOVED };
    project_renamed_in_the_file: Row {
        changed: &[(
            "compose.yml",
            r#"
name: "{P}b"
services:
  db: { {S}, volumes: ["data:/data", "/anon"] }
volumes: { data: }
"#,
        )],
        ..MOVED
    };
    project_name_variable_unset: Row {
        files: &[(
            "compose.yml",
            r#"
name: "{P}${SUFFIX}"
services:
  db: { {S}, volumes: ["data:/data", "/anon"] }
volumes: { data: }
"#,
        ), (".env", "SUFFIX=b\n")],
        setup: &["up -d"],
        changed: &[(".env", "")],
        looks: &[("{P}b/db", "{P}/db")],
        fates: &[("{P}b/db:/data", Orphaned), ("{P}b/db:/anon", Orphaned)],
        ..CHANGE
    };
    directory_renamed: Row {
        before: &["mv {D} {D}b"],
        words: &["@../{P}b up -d"],
        ..MOVED
    };
    volume_name_variable_unset: Row {
        files: &[
            db!("{S}, volumes: ['data:/data']", "{ data: { name: '{P}${PART}_data' } }")[0],
            (".env", "PART=x\n"),
        ],
        changed: &[(".env", "")],
        fates: LOST,
        ..CHANGE
    };
    env_file_flag_replaces_dot_env: Row {
        files: &[
            db!("{S}, volumes: ['data:/data']", "{ data: { name: '{P}${PART}_data' } }")[0],
            (".env", "PART=x\n"),
            ("prod.env", ""),
        ],
        words: &["--env-file prod.env up -d"],
        fates: LOST,
        ..CHANGE
    };
    dot_env_disabled: Row {
        files: &[
            db!("{S}, volumes: ['data:/data']", "{ data: { name: '{P}${PART}_data' } }")[0],
            (".env", "PART=x\n"),
        ],
        environment: &[("COMPOSE_DISABLE_ENV_FILE", "1")],
        fates: LOST,
        ..CHANGE
    };
    bind_variable_unset: Row {
        files: &[db!("{S}, volumes: ['${PART}{D}/pg:/data']", "{}")[0], (".env", "PART={D}/a\n")],
        changed: &[(".env", "")],
        fates: LOST,
        ..CHANGE
    };
    bind_source_is_only_a_variable: Row {
        files: &[db!("{S}, volumes: ['${PART}:/data']", "{}")[0], (".env", "PART={D}/a\n")],
        changed: &[(".env", "")],
        fates: &[("db:/data", Kept)],
        ..CHANGE
    };
    another_home: Row {
        files: &[db!("{S}, volumes: ['~/{P}pg:/data']", "{}")[0], ("home/nothing", ""), ("root/nothing", "")],
        setup: &["HOME={D}/root up -d"],
        environment: &[("HOME", "{D}/home")],
        fates: LOST,
        ..CHANGE
    };
}
