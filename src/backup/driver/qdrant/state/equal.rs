//! Whether a server is equal to a fingerprint. Pure.
//!
//! Stricter than the comparison after a start: nobody writes to a temporary server, so nothing may be added or changed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compare;
use crate::backup::fingerprint::{CollectionFingerprint, QdrantFingerprint};

/// Settings of a collection that a server drops when it restores a snapshot (1.19.0,
/// `lib/storage/src/content_manager/snapshots/recover.rs`).
const DROPPED: [&str; 2] = ["/params/read_fan_out_factor", "/params/read_fan_out_delay_ms"];

/// Every difference between `now` and what was recorded.
pub(crate) fn differences(recorded: &QdrantFingerprint, now: &QdrantFingerprint) -> Vec<String> {
    let mut found: Vec<String> = compare::compare(recorded, now).iter().map(ToString::to_string).collect();
    for (name, after) in &now.collections {
        match recorded.collections.get(name) {
            None => found.push(format!("collection `{name}` is not in the backup")),
            Some(before) if after.unreadable.is_none() => collection(name, before, after, &mut found),
            Some(_) => {}
        }
    }
    for alias in now.aliases.keys().filter(|alias| !recorded.aliases.contains_key(*alias)) {
        found.push(format!("alias `{alias}` is not in the backup"));
    }
    found
}

fn collection(
    name: &str,
    before: &CollectionFingerprint,
    after: &CollectionFingerprint,
    found: &mut Vec<String>,
) {
    let most = before.points.max(before.points_after);
    if let (Some(most), Some(now)) = (most, after.points)
        && now > most
    {
        found.push(format!("collection `{name}` has {now} points instead of {most}"));
    }
    let diverging = before.diverges(after);
    if before.points_after.is_none() && !diverging.is_none() {
        found.push(format!(
            "collection `{name}` has different contents: of {} sampled points, {} are missing and {} have changed",
            diverging.of, diverging.missing, diverging.changed
        ));
    }
    let mut settings = BTreeSet::new();
    unlike(&before.config, &after.config, "", &mut settings);
    for setting in settings.iter().filter(|setting| !DROPPED.contains(&setting.as_str())) {
        found.push(format!(
            "collection `{name}` has a different setting `{}`",
            setting.trim_start_matches('/')
        ));
    }
    let mut indexes = BTreeSet::new();
    unlike(&before.payload_schema, &after.payload_schema, "", &mut indexes);
    if !indexes.is_empty() {
        found.push(format!("collection `{name}` has different payload indexes"));
    }
}

/// The paths below which two values differ. Missing and `null` are the same to a server.
fn unlike(one: &Value, other: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let (Some(one), Some(other)) = (one.as_object(), other.as_object()) {
        let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for key in keys {
            let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            unlike(&value(one), &value(other), &format!("{path}/{key}"), found);
        }
    } else if one != other {
        found.insert(path.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backup::driver::qdrant::fixtures::{collection, server};

    fn after(change: impl Fn(&mut QdrantFingerprint)) -> Vec<String> {
        let mut now = server();
        change(&mut now);
        differences(&server(), &now)
    }

    fn receitas(server: &mut QdrantFingerprint) -> &mut CollectionFingerprint {
        server.collections.get_mut("receitas").expect("there")
    }

    #[test]
    fn the_same_is_equal() {
        assert_eq!(after(|_| {}), [""; 0]);
        let dropped = |now: &mut QdrantFingerprint| {
            receitas(now).config["params"]["read_fan_out_factor"] = Value::Null;
            receitas(now).config["metadata"] = Value::Null;
        };
        assert_eq!(after(dropped), [""; 0]);
    }

    #[test]
    fn more_is_not_equal_and_neither_is_less() {
        assert_eq!(
            after(|now| receitas(now).points = Some(51)),
            ["collection `receitas` has 51 points instead of 50"]
        );
        assert_eq!(
            after(|now| receitas(now).points = Some(49)),
            ["collection `receitas` has 49 of 50 points"]
        );
        let new = |now: &mut QdrantFingerprint| drop(now.collections.insert("nova".into(), collection(1)));
        assert_eq!(after(new), ["collection `nova` is not in the backup"]);
        let alias = |now: &mut QdrantFingerprint| drop(now.aliases.insert("outra".into(), "livros".into()));
        assert_eq!(after(alias), ["alias `outra` is not in the backup"]);
        assert_eq!(after(|now| now.aliases.clear()).len(), 1);
    }

    #[test]
    fn what_was_written_during_the_backup_may_be_there() {
        let mut before = server();
        receitas(&mut before).points_after = Some(55);
        let mut now = server();
        for (points, wrong) in [(50, 0), (55, 0), (56, 1), (49, 1)] {
            receitas(&mut now).points = Some(points);
            assert_eq!(differences(&before, &now).len(), wrong, "{points}");
        }
    }

    #[test]
    fn settings_and_indexes_are_compared() {
        let set = |now: &mut QdrantFingerprint| receitas(now).config["hnsw_config"]["m"] = json!(32);
        assert_eq!(after(set), ["collection `receitas` has a different setting `hnsw_config/m`"]);
        let index = |now: &mut QdrantFingerprint| receitas(now).payload_schema = json!({});
        assert_eq!(after(index), ["collection `receitas` has different payload indexes"]);
    }
}
