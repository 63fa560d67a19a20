//! A volume whose definition has changed: Compose 2.40 offers to make it anew.

use super::row::Fate::{Deleted, Kept};
use super::row::{Files, ROW, Row, rows};
use crate::support::Compose;

const BEFORE: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { labels: { l: "1" } } }
"#,
)];

const LABEL: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { labels: { l: "2" } } }
"#,
)];

const OPTIONS: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { labels: { l: "1" }, driver_opts: { type: tmpfs, device: tmpfs } } }
"#,
)];

const SHARED: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data"] }
  reader: { {S}, volumes: ["data:/data"] }
volumes: { data: }
"#,
)];

const SHARED_LABEL: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data"] }
  reader: { {S}, volumes: ["data:/data"] }
volumes: { data: { labels: { l: "2" } } }
"#,
)];

/// Another project that claims the volume with a definition of its own.
const CLAIM: Files = &[(
    "../{P}b/compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data"] }
volumes: { data: { name: "{P}_data", labels: { l: "b" } } }
"#,
)];

const DEFINITION: Row = Row { files: BEFORE, fates: &[("db:/data", Kept)], ..ROW };

rows! {
    up_y_changed_label: Row {
        setup: &["down -v", "up -d"],
        changed: LABEL,
        words: &["up -d -y", "up -d --yes", "create -y"],
        fates: &[("db:/data", Deleted)],
        ..DEFINITION
    };
    up_y_changed_options: Row {
        changed: OPTIONS,
        words: &["up -d -y"],
        fates: &[("db:/data", Deleted)],
        after: &[],
        ..DEFINITION
    };
    up_changed_label_not_answered: Row { changed: LABEL, words: &["up -d"], after: &[], ..DEFINITION };
    up_changed_label_answered_no: Row {
        changed: LABEL,
        words: &["up -d"],
        stdin: "n\n",
        after: &[],
        conservative: Some("what Compose's own question will be answered is not known before"),
        ..DEFINITION
    };
    /// The real Compose deletes the volume here; through us it is given no answer.
    up_changed_label_answered_yes: Row {
        changed: LABEL,
        words: &["up -d"],
        stdin: "y\n",
        through_us: true,
        after: &[],
        ..DEFINITION
    };
    create_changed_label_answered_yes: Row {
        changed: LABEL,
        words: &["create"],
        stdin: "y\n",
        through_us: true,
        after: &[],
        ..DEFINITION
    };
    /// Where the service still runs, Compose cannot remove its container, and the volume stays.
    run_changed_label_answered_yes: Row {
        changed: LABEL,
        before: &["down"],
        words: &["run --rm db /bin/ls"],
        stdin: "y\n",
        through_us: true,
        after: &[],
        ..DEFINITION
    };
    up_y_unchanged: Row { words: &["up -d -y", "create -y"], ..DEFINITION };
    up_y_one_of_two: Row {
        files: SHARED,
        changed: SHARED_LABEL,
        words: &["up -d -y db"],
        after: &["docker start {P}-reader-1"],
        looks: &[("db", "reader")],
        ..DEFINITION
    };
    up_y_holder: Row {
        changed: LABEL,
        before: &["docker create --name {P}holder --network none -v {P}_data:/x {I}:plain"],
        words: &["up -d -y"],
        after: &[],
        ..DEFINITION
    };
    up_y_of_another_project: Row {
        files: &[BEFORE[0], CLAIM[0]],
        before: &["down"],
        words: &["@../{P}b up -d -y"],
        fates: &[("db:/data", Deleted)],
        after: &[],
        ..DEFINITION
    };
    up_y_without_a_hash: Row {
        setup: &[
            "docker volume create --label com.docker.compose.project={P} --label com.docker.compose.volume=data {P}_data",
            "up -d",
        ],
        changed: LABEL,
        words: &["up -d -y"],
        after: &[],
        ..DEFINITION
    };
    up_y_volume_of_v1: Row {
        setup: &["v1 up -d", "v1 down", "up -d"],
        changed: LABEL,
        words: &["up -d -y"],
        after: &[],
        ..DEFINITION
    };
    up_y_rehearsed: Row { changed: LABEL, words: &["--dry-run up -d -y"], after: &[], ..DEFINITION };
    v1_changed_label: Row {
        compose: Compose::V1,
        changed: LABEL,
        words: &["up -d"],
        after: &[],
        ..DEFINITION
    };
}
