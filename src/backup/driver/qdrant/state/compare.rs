//! What a server lacks compared with a fingerprint. Pure.
//!
//! More points, more collections and other settings are not a loss. A healthy server is grey or yellow after a start
//! and during a snapshot; red and unreadable collections are always reported.

use super::vectors::Vectors;
use crate::backup::fingerprint::{CollectionFingerprint, Difference, QdrantFingerprint};

pub(crate) fn compare(recorded: &QdrantFingerprint, now: &QdrantFingerprint) -> Vec<Difference> {
    let mut found = Vec::new();
    for (name, before) in &recorded.collections {
        match now.collections.get(name) {
            None => {
                found.push(Difference::MissingCollection { collection: name.clone(), points: before.points });
            }
            Some(after) => collection(name, before, after, &mut found),
        }
    }
    for (name, after) in &now.collections {
        if !recorded.collections.contains_key(name) {
            state(name, after, &mut found);
        }
    }
    for (alias, collection) in &recorded.aliases {
        match now.aliases.get(alias) {
            None => {
                found.push(Difference::MissingAlias { alias: alias.clone(), collection: collection.clone() });
            }
            Some(leads_to) if leads_to != collection => found.push(Difference::MovedAlias {
                alias: alias.clone(),
                recorded: collection.clone(),
                now: leads_to.clone(),
            }),
            Some(_) => {}
        }
    }
    found
}

fn collection(
    name: &str,
    before: &CollectionFingerprint,
    after: &CollectionFingerprint,
    found: &mut Vec<Difference>,
) {
    if state(name, after, found) {
        return;
    }
    if let (Some(recorded), Some(now)) = (fewest(before), after.points)
        && now < recorded
    {
        found.push(Difference::FewerPoints { collection: name.to_owned(), recorded, now });
    }
    let (recorded, now) = (Vectors::of(&before.config), Vectors::of(&after.config));
    if !recorded.are_in(&now) {
        found.push(Difference::OtherVectors {
            collection: name.to_owned(),
            recorded: recorded.to_string(),
            now: now.to_string(),
        });
    }
    found.extend(points(name, before, after));
}

/// Compares the samples. If the collection was written to, changed points are normal; vectors that became zero are not,
/// and neither is a collection without any of its sampled points.
fn points(name: &str, before: &CollectionFingerprint, after: &CollectionFingerprint) -> Option<Difference> {
    let diverging = before.diverges(after);
    let collection = name.to_owned();
    if diverging.zeroed > 0 {
        return Some(Difference::ZeroVectors { collection, zeroed: diverging.zeroed, sampled: diverging.of });
    }
    let counts = if before.is_unwritten(after) { !diverging.is_none() } else { diverging.is_total() };
    counts.then_some(Difference::OtherPoints {
        collection,
        missing: diverging.missing,
        changed: diverging.changed,
        sampled: diverging.of,
    })
}

/// What is wrong with a collection regardless of its past. Returns whether it cannot be compared.
fn state(name: &str, now: &CollectionFingerprint, found: &mut Vec<Difference>) -> bool {
    if let Some(reason) = &now.unreadable {
        found.push(Difference::Unreadable { collection: name.to_owned(), reason: reason.clone() });
        return true;
    }
    if now.status == "red" {
        found.push(Difference::Red { collection: name.to_owned() });
    }
    false
}

/// If points were written during the recording, only the smaller count is certain.
fn fewest(recorded: &CollectionFingerprint) -> Option<u64> {
    match (recorded.points, recorded.points_after) {
        (Some(before), Some(after)) => Some(before.min(after)),
        (points, _) => points,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backup::driver::qdrant::fixtures::{collection, server};

    /// What is found after a change, and what is found when the change is undone by going the other way.
    fn both_ways(change: impl Fn(&mut QdrantFingerprint)) -> (Vec<String>, Vec<String>) {
        let (before, mut after) = (server(), server());
        change(&mut after);
        let shown = |found: Vec<Difference>| found.iter().map(ToString::to_string).collect();
        (shown(compare(&before, &after)), shown(compare(&after, &before)))
    }

    fn none() -> Vec<String> {
        Vec::new()
    }

    fn receitas(server: &mut QdrantFingerprint) -> &mut CollectionFingerprint {
        server.collections.get_mut("receitas").expect("it is there")
    }

    #[test]
    fn the_same_is_no_difference() {
        assert_eq!(both_ways(|_| {}), (none(), none()));
    }

    #[test]
    fn a_collection_that_is_gone() {
        let (lost, gained) = both_ways(|now| drop(now.collections.remove("livros")));
        assert_eq!(lost, ["collection `livros` is missing (7 points)"]);
        assert_eq!(gained, none());
    }

    #[test]
    fn fewer_points_and_more_points() {
        let (lost, gained) = both_ways(|now| receitas(now).points = Some(49));
        assert_eq!(lost, ["collection `receitas` has 49 of 50 points"]);
        assert_eq!(gained, none());
    }

    #[test]
    fn points_that_were_written_while_it_was_recorded_are_not_missed() {
        let mut before = server();
        receitas(&mut before).points_after = Some(48);
        let mut now = server();
        receitas(&mut now).points = Some(48);
        assert_eq!(compare(&before, &now), []);
        receitas(&mut now).points = Some(47);
        assert_eq!(compare(&before, &now).len(), 1);
    }

    #[test]
    fn other_vectors() {
        let (lost, back) =
            both_ways(|now| receitas(now).config["params"]["vectors"]["texto"]["size"] = json!(5));
        assert_eq!(
            lost,
            [
                "collection `receitas` has different vectors: imagem: 3 Euclid, termos: sparse, texto: 5 Cosine instead of \
              imagem: 3 Euclid, termos: sparse, texto: 4 Cosine"
            ]
        );
        assert_eq!(back.len(), 1);
        let (lost, gained) = both_ways(|now| receitas(now).config["params"]["sparse_vectors"] = json!({}));
        assert_eq!((lost.len(), gained), (1, none()));
        let tuned = |now: &mut QdrantFingerprint| {
            let config = &mut receitas(now).config;
            config["hnsw_config"]["m"] = json!(32);
            config["params"]["vectors"]["imagem"]["on_disk"] = json!(false);
            config["optimizer_config"]["indexing_threshold"] = json!(1);
        };
        assert_eq!(both_ways(tuned), (none(), none()));
    }

    #[test]
    fn points_that_are_others() {
        let changed = |now: &mut QdrantFingerprint| {
            receitas(now).sample.as_mut().expect("sampled").points[0].payload_sha256 = "other".into();
        };
        let (lost, _) = both_ways(changed);
        assert_eq!(
            lost,
            [
                "collection `receitas` has different contents: of 9 sampled points, 0 are missing and 1 have changed"
            ]
        );
        let written = |now: &mut QdrantFingerprint| {
            changed(now);
            let shards = &mut receitas(now).write_position.as_mut().expect("marked").shards;
            shards[0].op_num += 1;
        };
        assert_eq!(both_ways(written), (none(), none()), "somebody has written");
        let all = |now: &mut QdrantFingerprint| {
            written(now);
            receitas(now).sample.as_mut().expect("sampled").points.clear();
        };
        assert_eq!(both_ways(all).0.len(), 1, "not one is left");
    }

    #[test]
    fn vectors_that_have_become_zero() {
        let zeroed = |now: &mut QdrantFingerprint| {
            let receitas = receitas(now);
            for point in &mut receitas.sample.as_mut().expect("sampled").points[..2] {
                for shape in point.vectors.values_mut() {
                    (shape.norm, shape.projection) = (0.0, 0.0);
                }
            }
            receitas.write_position = None;
        };
        let (lost, back) = both_ways(zeroed);
        assert_eq!(
            lost,
            ["collection `receitas` has lost vectors: 2 of 9 sampled points have a vector of zeros now"]
        );
        assert_eq!(back, none(), "somebody may have mended them");
    }

    #[test]
    fn unreadable_and_red() {
        let unreadable = |now: &mut QdrantFingerprint| {
            let collection = receitas(now);
            collection.unreadable = Some("dummy shard".into());
            collection.points = None;
            collection.config = serde_json::Value::Null;
        };
        let (lost, back) = both_ways(unreadable);
        assert_eq!(lost, ["collection `receitas` cannot be read: dummy shard"]);
        assert_eq!(back, none());
        let (lost, back) = both_ways(|now| receitas(now).status = "red".into());
        assert_eq!((lost.len(), back), (1, none()));
        assert!(lost[0].contains("`receitas` has status red"));
        for status in ["grey", "yellow"] {
            assert_eq!(both_ways(|now| receitas(now).status = status.into()), (none(), none()));
        }
    }

    #[test]
    fn what_is_wrong_shows_in_a_comparison_with_itself() {
        let mut now = server();
        receitas(&mut now).status = "red".into();
        let mut odd = collection(0);
        odd.unreadable = Some("dummy shard".into());
        now.collections.insert("nova".into(), odd);
        assert_eq!(compare(&now, &now).len(), 2);
        assert_eq!(compare(&server(), &now).len(), 2, "a new one that cannot be read is told too");
    }

    #[test]
    fn an_alias_that_is_gone_or_moved() {
        let (lost, gained) = both_ways(|now| drop(now.aliases.remove("atual")));
        assert_eq!(lost, ["alias `atual` of collection `receitas` is missing"]);
        assert_eq!(gained, none());
        let (lost, back) = both_ways(|now| drop(now.aliases.insert("atual".into(), "livros".into())));
        assert_eq!(lost, ["alias `atual` points to `livros` instead of `receitas`"]);
        assert_eq!(back, ["alias `atual` points to `receitas` instead of `livros`"]);
    }
}
