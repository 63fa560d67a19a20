//! Volumes that are not the project's own, and places that are no volumes.

use super::row::Fate::{Deleted, Kept, Orphaned};
use super::row::{Files, ROW, Row, rows};

const EXTERNAL: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["ext:/data"] }
volumes: { ext: { external: true, name: "{P}_ext" } }
"#,
)];

const TMPFS: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, tmpfs: [/short], volumes: [{ type: tmpfs, target: /long }, "mem:/mem"] }
volumes: { mem: { driver_opts: { type: tmpfs, device: tmpfs, o: size=1m } } }
"#,
)];

/// Two projects with one volume of a fixed name.
const SHARED: &str = r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { name: "{P}_shared" } }
"#;

const TWO_OWNERS: Files = &[("compose.yml", SHARED), ("../{P}b/compose.yml", SHARED)];

const SAME: &str = r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: }
"#;

/// Two directories of one name.
const TWINS: Files = &[
    ("../alice/{P}/compose.yml", SAME),
    (
        "../bob/{P}/compose.yml",
        r#"
services:
  db: { {S}, volumes: ["./bobs:/data"] }
volumes: { data: }
"#,
    ),
];

rows! {
    external_volume: Row {
        files: EXTERNAL,
        setup: &["docker volume create {P}_ext", "up -d"],
        words: &["down -v", "--all-resources down -v"],
        fates: &[("db:/data", Kept)],
        ..ROW
    };
    bind_mount: Row {
        files: &[("compose.yml", "services: { db: { {S}, volumes: ['./bind:/data'] } }")],
        words: &["down -v"],
        fates: &[("db:/data", Kept)],
        ..ROW
    };
    volume_that_is_a_bind: Row {
        files: &[
            (
                "compose.yml",
                r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { driver_opts: { type: none, o: bind, device: "{D}/host" } } }
"#,
            ),
            ("host/nothing", ""),
        ],
        words: &["down -v"],
        fates: &[("db:/data", Kept)],
        conservative: Some("the volume goes, only the directory behind it stays"),
        ..ROW
    };
    tmpfs: Row {
        files: TMPFS,
        words: &["restart", "stop", "down", "down -v", "kill"],
        fates: &[("db:/short", Deleted), ("db:/long", Deleted), ("db:/mem", Deleted)],
        ..ROW
    };
    shared_volume_while_the_other_has_no_container: Row {
        files: TWO_OWNERS,
        before: &["down"],
        words: &["@../{P}b down -v"],
        fates: &[("db:/data", Deleted)],
        ..ROW
    };
    shared_volume_while_the_other_is_stopped: Row {
        files: TWO_OWNERS,
        before: &["stop"],
        words: &["@../{P}b down -v"],
        fates: &[("db:/data", Kept)],
        ..ROW
    };
    twin_directory_up: Row {
        files: TWINS,
        setup: &["@../alice/{P} up -d"],
        words: &["@../bob/{P} up -d"],
        after: &[],
        fates: &[("db:/data", Orphaned)],
        ..ROW
    };
    /// Compose makes one name of both: lower case, without the dot.
    directories_of_one_name_after_all: Row {
        files: &[("../alice/{P}x/compose.yml", SAME), ("../bob/{P}.X/compose.yml", SAME)],
        setup: &["@../alice/{P}x up -d"],
        words: &["@../bob/{P}.X down -v"],
        after: &[],
        fates: &[("{P}x/db:/data", Deleted)],
        ..ROW
    };
    /// `n:/n` is taken for a path of Windows, and the engine refuses it.
    single_letter_volume: Row {
        files: &[("compose.yml", SAME)],
        changed: &[("compose.yml", "services: { db: { {S}, volumes: ['n:/data'] } }\nvolumes: { n: }")],
        words: &["up -d"],
        after: &[],
        fates: &[("db:/data", Kept)],
        ..ROW
    };
    twin_directory_down_v: Row {
        files: &[("../alice/{P}/compose.yml", SAME), ("../bob/{P}/compose.yml", SAME)],
        setup: &["@../alice/{P} up -d"],
        words: &["@../bob/{P} down -v"],
        after: &[],
        fates: &[("db:/data", Deleted)],
        ..ROW
    };
    holder: Row {
        files: &[("compose.yml", SAME)],
        before: &["docker create --name {P}holder --network none -v {P}_data:/x {I}:plain"],
        words: &["down -v", "down -v --remove-orphans", "-p {P} down -v"],
        after: &["up -d", "docker rm -f {P}holder"],
        fates: &[("db:/data", Kept)],
        conservative: Some("a container that is not running may be gone in a moment"),
        ..ROW
    };
    running_holder: Row {
        files: &[("compose.yml", SAME)],
        before: &["docker run -d --name {P}holder --network none -v {P}_data:/x {I}:plain"],
        words: &["down -v"],
        after: &["up -d", "docker rm -f {P}holder"],
        fates: &[("db:/data", Kept)],
        ..ROW
    };
    override_makes_it_external: Row {
        files: &[
            ("compose.yml", SAME),
            (
                "over.yml",
                "services: {}\nvolumes: { data: !override { external: true, name: '{P}_data' } }",
            ),
        ],
        words: &["-f compose.yml -f over.yml down -v"],
        fates: &[("db:/data", Kept)],
        ..ROW
    };
}
