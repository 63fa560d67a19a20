//! Everything a server keeps: collections, aliases and its own identity, below one storage directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::collection::Collection;
use crate::disk;
use crate::failures::{Failure, Failures};
use crate::fault::{Fault, Outcome};
use crate::schema::Schema;

/// Told at run time to `lose-on-restart`, the server leaves this file for its next start.
const LOSE_MARK: &str = ".double-lose-on-restart";

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) storage: PathBuf,
    pub(crate) snapshots: PathBuf,
    pub(crate) peer: u64,
    pub(crate) failures: Failures,
    pub(crate) wal_capacity_mb: u64,
    pub(crate) collections: BTreeMap<String, Collection>,
    pub(crate) aliases: BTreeMap<String, String>,
}

impl Store {
    pub(crate) fn open(
        storage: &Path,
        snapshots: &Path,
        failures: Failures,
        wal_capacity_mb: u64,
    ) -> Outcome<Self> {
        fs::create_dir_all(storage).map_err(|error| unwritable(storage, &error))?;
        let mark = storage.join(LOSE_MARK);
        if mark.exists() || failures.has(&Failure::LoseOnRestart) {
            for entry in fs::read_dir(storage)? {
                let path = entry?.path();
                if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
        }
        let peer = identity(storage)?;
        fs::create_dir_all(storage.join("collections"))?;
        let temporary = snapshots.join("tmp");
        fs::create_dir_all(&temporary).map_err(|error| {
            Fault::service(format!(
                "Failed to create snapshots temp directory at {}: {error}",
                temporary.display()
            ))
        })?;
        for temporary in [storage.join("tmp"), temporary] {
            if temporary.exists() {
                fs::remove_dir_all(&temporary)?;
            }
        }
        let aliases = match fs::read(storage.join("aliases/data.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => BTreeMap::new(),
        };
        let mut store = Self {
            storage: storage.to_owned(),
            snapshots: snapshots.to_owned(),
            peer,
            failures,
            wal_capacity_mb,
            collections: BTreeMap::new(),
            aliases,
        };
        store.save_aliases()?;
        store.lose_collections()?;
        store.load_collections()?;
        Ok(store)
    }

    fn load_collections(&mut self) -> Outcome<()> {
        for entry in fs::read_dir(self.storage.join("collections"))? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if !path.join("config.json").exists() {
                crate::log(format_args!(
                    "WARN Collection config is not found in the collection directory: {}, skipping",
                    path.display()
                ));
                continue;
            }
            crate::log(format_args!("INFO Loading collection: {name}"));
            let collection = Collection::load(&path, name)?;
            self.collections.insert(name.to_owned(), collection);
        }
        Ok(())
    }

    /// Carry out every `lose-collection` in force.
    pub(crate) fn lose_collections(&mut self) -> Outcome<()> {
        for failure in self.failures.list() {
            if let Failure::LoseCollection(name) = failure {
                self.collections.remove(&name);
                let config = self.dir(&name).join("config.json");
                if config.exists() {
                    fs::remove_file(config)?;
                }
            }
        }
        Ok(())
    }

    /// Leave word for the next start to find nothing.
    pub(crate) fn mark_lost(&self) -> Outcome<()> {
        Ok(disk::write(&self.storage.join(LOSE_MARK), b"")?)
    }

    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        self.storage.join("collections").join(name)
    }

    /// A scratch directory on the storage's file system.
    pub(crate) fn scratch(&self, prefix: &str) -> Outcome<tempfile::TempDir> {
        let base = self.storage.join("tmp");
        fs::create_dir_all(&base)?;
        Ok(tempfile::Builder::new().prefix(prefix).tempdir_in(base)?)
    }

    /// The collection `name` stands for, alias or not.
    pub(crate) fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    /// The collection, whether or not its shards can be read.
    pub(crate) fn listed(&self, name: &str) -> Outcome<&Collection> {
        let name = self.resolve(name);
        self.collections.get(name).ok_or_else(|| Fault::no_collection(name))
    }

    /// The collection, for reading: an `action` that a dummy shard cannot do, in the words of a read of replicas.
    pub(crate) fn readable(&self, name: &str, action: &str) -> Outcome<&Collection> {
        let collection = self.listed(name)?;
        if let Some(dummy) = self.dummy(&collection.name, action) {
            return Err(Fault::service(format!("1 of 1 read operations failed:\n  {dummy}")));
        }
        Ok(collection)
    }

    /// The collection, for an `action` that changes it or takes a snapshot of it.
    pub(crate) fn writable(&mut self, name: &str, action: &str) -> Outcome<&mut Collection> {
        let name = self.resolve(name).to_owned();
        if let Some(dummy) = self.dummy(&name, action) {
            return Err(dummy);
        }
        self.listed_mut(&name)
    }

    /// The collection, for a change of its configuration, which needs no shard.
    pub(crate) fn listed_mut(&mut self, name: &str) -> Outcome<&mut Collection> {
        let name = self.resolve(name).to_owned();
        self.collections.get_mut(&name).ok_or_else(|| Fault::no_collection(&name))
    }

    pub(crate) fn is_unreadable(&self, name: &str) -> bool {
        self.failures.has(&Failure::RecoveryMode) || self.failures.has(&Failure::Unreadable(name.to_owned()))
    }

    fn dummy(&self, name: &str, action: &str) -> Option<Fault> {
        let path = self.dir(name).join("0");
        let reason = format!("Failed to load local shard \"{}\": told to be unreadable", path.display());
        let fault = Fault::service(format!("Failed to {action},  {reason}"));
        (self.is_unreadable(name) && self.collections.contains_key(name)).then_some(fault)
    }

    pub(crate) fn create(&mut self, name: &str, body: &Value) -> Outcome<()> {
        let forbidden = ['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\0', '\u{1F}'];
        if let Some(letter) = name.chars().find(|letter| forbidden.contains(letter)) {
            return Err(Fault::Invalid(format!(
                "path parameters: [collection_name: collection name cannot contain \"{letter}\" char]"
            )));
        }
        if name.len() > 255 {
            return Err(Fault::Invalid("path parameters: [collection_name: too long]".into()));
        }
        if self.collections.contains_key(name) {
            return Err(Fault::AlreadyExists(format!("Collection `{name}` already exists!")));
        }
        if self.aliases.contains_key(name) {
            return Err(alias_in_the_way(name));
        }
        let schema = Schema::create(body, self.wal_capacity_mb)?;
        let dir = self.dir(name);
        if dir.exists() {
            return Err(Fault::bad_input(format!(
                "Can't create collection with name {name}. Collection data already exists at {}",
                dir.display()
            )));
        }
        let scratch = self.scratch("create-")?;
        let draft = scratch.path().join("collection");
        Collection::create(&draft, &schema, self.peer)?;
        fs::rename(&draft, &dir)?;
        self.collections.insert(name.to_owned(), Collection::load(&dir, name)?);
        Ok(())
    }

    /// Delete a collection and its aliases. Its snapshots stay, as on the real server. False when there is none.
    pub(crate) fn delete(&mut self, name: &str) -> Outcome<bool> {
        if self.collections.remove(name).is_none() {
            return Ok(false);
        }
        self.aliases.retain(|_, target| target != name);
        self.save_aliases()?;
        let scratch = self.scratch("deleted-")?;
        fs::rename(self.dir(name), scratch.path().join("collection"))?;
        Ok(true)
    }

    /// Carry out a `POST /collections/aliases` body.
    pub(crate) fn change_aliases(&mut self, actions: &[Value]) -> Outcome<()> {
        let mut aliases = self.aliases.clone();
        let text = |value: &Value, name: &str| {
            value[name]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| Fault::Format(format!("missing field `{name}`")))
        };
        for action in actions {
            if let Some(create) = action.get("create_alias") {
                let (collection, alias) = (text(create, "collection_name")?, text(create, "alias_name")?);
                if !self.collections.contains_key(&collection) {
                    return Err(Fault::no_collection(&collection));
                }
                if self.collections.contains_key(&alias) {
                    return Err(Fault::AlreadyExists(format!("Collection `{alias}` already exists!")));
                }
                aliases.insert(alias, collection);
            } else if let Some(delete) = action.get("delete_alias") {
                aliases.remove(&text(delete, "alias_name")?);
            } else if let Some(rename) = action.get("rename_alias") {
                let (old, new) = (text(rename, "old_alias_name")?, text(rename, "new_alias_name")?);
                let Some(target) = aliases.remove(&old) else {
                    return Err(Fault::NotFound(format!("Alias {old} does not exists!")));
                };
                aliases.insert(new, target);
            } else {
                return Err(Fault::Format(
                    "data did not match any variant of untagged enum AliasOperations".into(),
                ));
            }
        }
        self.aliases = aliases;
        self.save_aliases()
    }

    fn save_aliases(&self) -> Outcome<()> {
        Ok(disk::write_json(&self.storage.join("aliases/data.json"), &self.aliases)?)
    }

    /// What a graceful stop does: fold the logs into the segments.
    pub(crate) fn checkpoint(&mut self) -> Outcome<()> {
        self.collections.values_mut().try_for_each(Collection::checkpoint)
    }
}

pub(crate) fn alias_in_the_way(name: &str) -> Fault {
    Fault::bad_input(format!(
        "Can't create collection with name {name}. Alias with the same name already exists"
    ))
}

/// This server's peer id, made at the first start. JavaScript-safe, as the real one's.
fn identity(storage: &Path) -> Outcome<u64> {
    let path = storage.join("raft_state.json");
    if let Ok(bytes) = fs::read(&path) {
        let state: Value = serde_json::from_slice(&bytes)?;
        return state["this_peer_id"]
            .as_u64()
            .ok_or_else(|| Fault::service("raft_state.json has no peer id"));
    }
    let peer = (Uuid::new_v4().as_u64_pair().0 >> 11).max(1);
    let state = json!({ "state": { "hard_state": { "term": 0, "vote": 0, "commit": 0 }, "conf_state": {} },
        "latest_snapshot_meta": { "term": 0, "index": 0 }, "apply_progress_queue": null,
        "peer_address_by_id": {}, "peer_metadata_by_id": {}, "this_peer_id": peer });
    disk::write_json(&path, &state).map_err(|error| unwritable(storage, &error))?;
    Ok(peer)
}

/// The real server's words, with the operating system's number.
fn unwritable(storage: &Path, error: &io::Error) -> Fault {
    // A temporary file's error names its own path after the system's words.
    let text = error.to_string();
    let os = text.split(" at path ").next().unwrap_or(&text);
    let path = storage.join(".atomicwrite");
    Fault::service(format!("Failed to write file: {os} at path \"{}\"", path.display()))
}
