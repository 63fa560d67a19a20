//! What Compose 2.26 does otherwise. Tried where `SAFE_COMPOSE_TEST_COMPOSE_V2_OLDER` names one.

use super::row::Fate::{Deleted, Kept, Orphaned};
use super::row::{Files, ROW, Row, rows};
use crate::support::Compose;

const SHOP: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, volumes: ["data:/data", "/anon"] }
  cache: { {S}, volumes: ["cached:/data"] }
  web: { {S}, depends_on: [db], volumes: ["wdata:/data"] }
volumes: { data: { labels: { l: "1" } }, cached: , wdata: }
"#,
)];

const CHANGED: Files = &[(
    "compose.yml",
    r#"
services:
  db: { {S}, environment: [A=b], volumes: ["data:/data", "/anon"] }
  cache: { {S}, volumes: ["cached:/data"] }
  web: { {S}, depends_on: [db], volumes: ["wdata:/data"] }
volumes: { data: { labels: { l: "2" } }, cached: , wdata: }
"#,
)];

const OLDER: Row = Row { compose: Compose::V2Older, files: SHOP, ..ROW };

rows! {
    older_down: Row {
        words: &["down"],
        fates: &[("db:/data", Kept), ("db:/anon", Orphaned), ("db:/place", Deleted), ("web:/data", Kept)],
        ..OLDER
    };
    older_down_v: Row {
        words: &["down -v", "down --volume"],
        fates: &[("db:/data", Deleted), ("db:/anon", Deleted), ("cache:/data", Deleted), ("web:/data", Deleted)],
        ..OLDER
    };
    older_down_v_service_takes_everybodys: Row {
        before: &["rm -fs db cache"],
        words: &["down -v web"],
        fates: &[("db:/data", Deleted), ("cache:/data", Deleted), ("web:/data", Deleted)],
        ..OLDER
    };
    older_renews_only_what_has_changed: Row {
        words: &["up -dV"],
        after: &[],
        fates: &[("db:/data", Kept), ("db:/anon", Kept), ("db:/place", Kept)],
        ..OLDER
    };
    older_renews_what_has_changed: Row {
        changed: CHANGED,
        words: &["up -dV"],
        after: &[],
        fates: &[("db:/data", Kept), ("db:/anon", Orphaned), ("db:/place", Deleted), ("web:/place", Deleted)],
        ..OLDER
    };
    older_passes_over_a_changed_definition: Row {
        changed: CHANGED,
        words: &["up -d", "create"],
        stdin: "y\n",
        fates: &[("db:/data", Kept), ("db:/anon", Kept), ("db:/place", Deleted)],
        ..OLDER
    };
    /// Newer ones leave the dependents alone.
    older_makes_dependents_anew: Row {
        changed: CHANGED,
        words: &["up -d", "create"],
        fates: &[("db:/place", Deleted), ("web:/place", Deleted), ("cache:/place", Kept)],
        ..OLDER
    };
    older_makes_only_the_named_anew: Row {
        changed: CHANGED,
        words: &["up -d db"],
        after: &[],
        fates: &[("db:/place", Deleted), ("web:/place", Kept)],
        ..OLDER
    };
    older_does_not_know_yes: Row {
        changed: CHANGED,
        words: &["up -d -y", "create --yes"],
        after: &[],
        fates: &[("db:/data", Kept), ("db:/anon", Kept), ("db:/place", Kept)],
        ..OLDER
    };
}
