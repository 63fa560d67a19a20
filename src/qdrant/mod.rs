//! Checks Qdrant's files on disk, read-only: what a server would skip, delete or fail on at its next start.
//!
//! According to the source of 1.19.0, which is the same since 1.16 in what is checked here: `storage/collections/NAME/`
//! has `config.json`, `version.info` and one directory for each shard, that one `shard_config.json`,
//! `replica_state.json`, `wal/` and `segments/UUID/`. For stopped servers only: a running one changes its files at any
//! time.

mod collection;
mod damage;

use std::path::Path;

pub use damage::{StartupEffect, StorageDamage};

use collection::{directories, is_json};

/// Where the server creates snapshots. It does not start if it cannot write there.
pub const SNAPSHOTS_PATH: &str = "/qdrant/snapshots";

/// The variable that changes the data path.
pub const STORAGE_PATH_VARIABLE: &str = "QDRANT__STORAGE__STORAGE_PATH";

/// All problems with a storage directory. Unreadable files are skipped.
pub fn examine(storage: &Path) -> Vec<StorageDamage> {
    let mut found = Vec::new();
    let collections = directories(&storage.join("collections"));
    for file in ["raft_state.json", "aliases/data.json"] {
        if is_json(&storage.join(file)) == Some(false) {
            found.push(StorageDamage::new(
                StartupEffect::Exits,
                format!("`{file}` is not valid JSON"),
                "the server exits at startup",
            ));
        }
    }
    let has_collections = collections.iter().any(|(_, path)| path.join("config.json").exists());
    if has_collections && !storage.join("raft_state.json").exists() {
        found.push(StorageDamage::new(
            StartupEffect::Odd,
            "`raft_state.json` is missing, although there are collections",
            "every server leaves one: this may be part of a storage directory, or an incomplete copy",
        ));
    }
    for (name, path) in collections {
        // Snapshots are unpacked there; the server removes them.
        if !name.starts_with('.') {
            collection::examine(&name, &path, &mut found);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A sound storage directory with one collection.
    fn sound() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (file, text) in [
            ("raft_state.json", "{}"),
            ("aliases/data.json", "{}"),
            ("collections/a/config.json", r#"{"params":{"shard_number":1}}"#),
            ("collections/a/version.info", "0.4.2"),
            ("collections/a/payload_index.json", "{}"),
            ("collections/a/0/shard_config.json", r#"{"type":"ReplicaSet"}"#),
            ("collections/a/0/replica_state.json", r#"{"is_local":true}"#),
            ("collections/a/0/wal/open-1", ""),
            ("collections/a/0/segments/6f9619ff-8b86-d011-b42d-00c04fc964ff/segment.json", "{}"),
            ("collections/a/0/segments/6f9619ff-8b86-d011-b42d-00c04fc964ff/version.info", "0.6.0"),
        ] {
            write(dir.path(), file, text);
        }
        dir
    }

    fn write(dir: &Path, file: &str, text: &str) {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().expect("in a directory")).expect("made");
        fs::write(path, text).expect("written");
    }

    const SEGMENT: &str = "collections/a/0/segments/6f9619ff-8b86-d011-b42d-00c04fc964ff";

    fn broken(breaking: impl FnOnce(&Path)) -> Vec<(StartupEffect, String)> {
        let dir = sound();
        breaking(dir.path());
        examine(dir.path()).into_iter().map(|one| (one.effect, one.what)).collect()
    }

    fn remove(file: &str) -> impl FnOnce(&Path) + '_ {
        move |dir| {
            let path = dir.join(file);
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
        }
    }

    #[test]
    fn what_is_sound_is_not_told() {
        assert_eq!(broken(|_| {}), []);
        assert_eq!(examine(Path::new("/nonexistent")), []);
        let fresh = tempfile::tempdir().expect("a directory");
        assert_eq!(examine(fresh.path()), []);
        // As a server leaves it behind in good order.
        for harmless in [
            "collections/.tmp/x",
            "collections/a/0/segments/5345474d-454e-54f0-9f98-ba206e616d65.deleted/x",
            "collections/a/snapshots_temp/x",
            "collections/old/0/x",
        ] {
            assert_eq!(broken(|dir| write(dir, harmless, "x")), [], "{harmless}");
        }
    }

    #[test]
    fn every_loss_has_its_fate() {
        for (file, effect, what) in [
            ("collections/a/config.json", StartupEffect::Skipped, "collection `a` has no `config.json`"),
            ("collections/a/version.info", StartupEffect::Exits, "collection `a` has no `version.info`"),
            ("collections/a/0", StartupEffect::Exits, "shard 0 of collection `a` has no `shard_config.json`"),
            (
                "collections/a/0/shard_config.json",
                StartupEffect::Exits,
                "shard 0 of collection `a` has no `shard_config.json`",
            ),
            (
                "collections/a/0/replica_state.json",
                StartupEffect::Exits,
                "shard 0 of collection `a` has no `replica_state.json`",
            ),
            ("collections/a/0/segments", StartupEffect::Exits, "shard 0 of collection `a` has no `segments`"),
            ("collections/a/0/wal", StartupEffect::Odd, "shard 0 of collection `a` has no log (`wal`)"),
            ("raft_state.json", StartupEffect::Odd, "`raft_state.json` is missing"),
        ] {
            let found = broken(remove(file));
            assert_eq!(found.len(), 1, "{file}: {found:?}");
            assert_eq!(found[0].0, effect, "{file}");
            assert!(found[0].1.starts_with(what), "{file}: {}", found[0].1);
        }
        let (effect, what) = broken(remove(&format!("{SEGMENT}/version.info"))).remove(0);
        assert_eq!(effect, StartupEffect::Deleted);
        assert!(
            what.contains("segment `6f9619ff-8b86-d011-b42d-00c04fc964ff`")
                && what.contains("collection `a`"),
            "{what}"
        );
    }

    #[test]
    fn files_of_no_length_are_as_good_as_none() {
        for file in [
            "collections/a/config.json",
            "collections/a/version.info",
            "collections/a/payload_index.json",
            "collections/a/0/shard_config.json",
            "collections/a/0/replica_state.json",
            "raft_state.json",
            "aliases/data.json",
            &format!("{SEGMENT}/version.info"),
            &format!("{SEGMENT}/segment.json"),
        ] {
            let found = broken(|dir| write(dir, file, ""));
            assert_eq!(found.len(), 1, "{file}: {found:?}");
            assert_eq!(found[0].0, StartupEffect::Exits, "{file}");
        }
    }

    #[test]
    fn a_shard_that_was_not_finished_is_a_dummy() {
        let found = broken(|dir| write(dir, "collections/a/shard_0.initializing", ""));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, StartupEffect::Dummy);
    }

    #[test]
    fn a_segment_that_was_being_made_is_no_loss() {
        let found =
            broken(|dir| write(dir, "collections/a/0/segments/00000000-0000-4000-8000-000000000000/x", "x"));
        assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [StartupEffect::Odd]);
    }

    #[test]
    fn shards_of_users_and_of_other_nodes() {
        let custom = |mapping: &str| {
            let mapping = mapping.to_owned();
            broken(move |dir| {
                write(
                    dir,
                    "collections/a/config.json",
                    r#"{"params":{"shard_number":1,"sharding_method":"custom"}}"#,
                );
                write(dir, "collections/a/shard_key_mapping.json", &mapping);
            })
        };
        for sound in [r#"{"x":[0]}"#, r#"[{"key":"x","shard_id":0}]"#, r#"[{"key":"x","shard_ids":[0]}]"#] {
            assert_eq!(custom(sound), [], "{sound}");
        }
        assert_eq!(custom(r#"{"x":[0,1]}"#).len(), 1);
        let elsewhere = broken(|dir| {
            write(dir, "collections/a/0/replica_state.json", r#"{"is_local":false}"#);
            fs::remove_dir_all(dir.join("collections/a/0/segments")).expect("removed");
        });
        assert_eq!(elsewhere, []);
    }
}
