//! Taking, listing, deleting and restoring snapshots.
//!
//! Invariant: a restore touches a collection only after the archive has been unpacked and read completely.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::archive;
use crate::collection::Collection;
use crate::disk;
use crate::failures::Failure;
use crate::fault::{Fault, Outcome};
use crate::segment::Manifest;
use crate::store::{Store, alias_in_the_way};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) creation_time: Option<String>,
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<String>,
}

/// Where a restore comes from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// The digest the caller expects, and whether a mismatch uses the words of `upload` or of `recover`.
    pub(crate) checksum: Option<String>,
}

impl Store {
    /// Take a snapshot of one collection.
    pub(crate) fn take_snapshot(&mut self, name: &str) -> Outcome<Description> {
        if self.failures.has(&Failure::SnapshotFails) {
            return Err(Fault::service("No space left on device (os error 28)"));
        }
        let changing = self.failures.has(&Failure::CountChanges);
        let peer = self.peer;
        let file = format!("{}-{peer}-{}.snapshot", self.resolve(name), stamp());
        let scratch = self.scratch("snapshot-")?;
        let draft = scratch.path().join(&file);
        let dir = self.snapshots.join(self.resolve(name));
        let collection = self.writable(name, "get_snapshot_creator")?;
        collection.flush()?;
        archive::pack(collection, &draft)?;
        collection.snapshots_taken += 1;
        if changing {
            collection.write_behind_the_back()?;
        }
        self.keep(&draft, &dir.join(file))
    }

    /// Take a full snapshot: every collection's, and who is who.
    pub(crate) fn take_full_snapshot(&mut self) -> Outcome<Description> {
        let file = format!("full-snapshot-{}.snapshot", stamp());
        let scratch = self.scratch("full-")?;
        let draft = scratch.path().join(&file);
        let mut tar = tar::Builder::new(File::create(&draft)?);
        let mut mapping = BTreeMap::new();
        for name in self.collections.keys().cloned().collect::<Vec<_>>() {
            let part = self.take_snapshot(&name)?;
            let path = self.snapshots.join(&name).join(&part.name);
            tar.append_path_with_name(&path, &part.name)?;
            fs::remove_file(path)?;
            mapping.insert(name, part.name);
        }
        let config = serde_json::to_vec(
            &json!({ "collections_mapping": mapping, "collections_aliases": self.aliases }),
        )?;
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(config.len() as u64);
        tar.append_data(&mut header, "config.json", config.as_slice())?;
        tar.finish()?;
        let target = self.snapshots.join(file);
        self.keep(&draft, &target)
    }

    /// Take a shard snapshot.
    pub(crate) fn take_shard_snapshot(&mut self, name: &str, shard: u32) -> Outcome<Description> {
        let file = format!("{}-shard-{shard}-{}.snapshot", self.resolve(name), stamp());
        let draft = tempfile::NamedTempFile::new_in(&self.storage)?;
        let collection = self.writable(name, "get_snapshot_creator")?;
        // As for the stream: shard snapshots carry no log of their own.
        collection.checkpoint()?;
        archive::pack_shard_snapshot(collection.shard(shard)?, draft.path())?;
        let target = self.shard_snapshots(name, shard).join(file);
        self.keep(draft.path(), &target)
    }

    fn keep(&self, draft: &Path, target: &Path) -> Outcome<Description> {
        let checksum = digest(draft)?;
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        disk::move_file(draft, target)?;
        disk::write(&beside(target), checksum.as_bytes())?;
        self.describe(target)
    }

    fn describe(&self, path: &Path) -> Outcome<Description> {
        let meta = path.metadata()?;
        let mut checksum = fs::read_to_string(beside(path)).ok();
        if let (Some(checksum), true) = (&mut checksum, self.failures.has(&Failure::WrongChecksum)) {
            *checksum = hexadecimal(&Sha256::digest(checksum.as_bytes()));
        }
        Ok(Description {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            creation_time: meta.modified().ok().map(naive),
            size: meta.len(),
            checksum,
        })
    }

    pub(crate) fn collection_snapshots(&self, name: &str) -> PathBuf {
        self.snapshots.join(self.resolve(name))
    }

    pub(crate) fn shard_snapshots(&self, name: &str, shard: u32) -> PathBuf {
        self.collection_snapshots(name).join("shards").join(shard.to_string())
    }

    /// Describe the snapshots in `dir`.
    pub(crate) fn list_snapshots(&self, dir: &Path) -> Outcome<Vec<Description>> {
        let mut found = Vec::new();
        let Ok(entries) = fs::read_dir(dir) else { return Ok(found) };
        for entry in entries {
            let path = entry?.path();
            let checksum = path.extension().is_some_and(|extension| extension == "checksum");
            if path.is_file() && !checksum {
                found.push(self.describe(&path)?);
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The path of an existing snapshot; a name never leads out of `dir`.
    pub(crate) fn find_snapshot(dir: &Path, name: &str) -> Outcome<PathBuf> {
        if !dir.is_dir() {
            return Err(Fault::NotFound(format!("Snapshot directory: {} not found", dir.display())));
        }
        let path = dir.join(name);
        let mut parts = Path::new(name).components();
        let plain = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
        if !plain || !path.is_file() {
            return Err(Fault::NotFound(format!("Snapshot {name} not found")));
        }
        Ok(path)
    }

    pub(crate) fn delete_snapshot(dir: &Path, name: &str) -> Outcome<()> {
        let path = Self::find_snapshot(dir, name)?;
        fs::remove_file(&path)?;
        let checksum = beside(&path);
        if checksum.exists() {
            fs::remove_file(checksum)?;
        }
        Ok(())
    }

    /// Check the digest of an upload, before anything else is done with it.
    pub(crate) fn check_upload(path: &Path, wanted: Option<&str>) -> Outcome<()> {
        let Some(wanted) = wanted else { return Ok(()) };
        if wanted.trim().len() != 64 {
            return Err(Fault::Invalid(format!(
                "query parameters: [checksum: Validation error: invalid_sha256_hash [{{\"value\": String({wanted:?}), \"expected_length\": Number(64), \"length\": Number({})}}]]",
                wanted.len()
            )));
        }
        let expected = digest(path)?;
        if expected.eq_ignore_ascii_case(wanted.trim()) {
            return Ok(());
        }
        Err(Fault::Checksum { expected, actual: wanted.to_owned() })
    }

    /// Keep an uploaded archive under the collection's snapshots, where it stays.
    pub(crate) fn keep_upload(&self, name: &str, upload: &Path, file: &str) -> Outcome<PathBuf> {
        let dir = self.collection_snapshots(name);
        fs::create_dir_all(&dir)?;
        let file = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or("upload.snapshot");
        let target = dir.join(file);
        disk::move_file(upload, &target)?;
        Ok(target)
    }

    /// The archive a `file://` location names, which must lie below the snapshots directory.
    pub(crate) fn locate(&self, location: &str) -> Outcome<PathBuf> {
        let Some(path) = location.strip_prefix("file://") else {
            let Some((scheme, _)) = location.split_once(':') else {
                return Err(Fault::Format(format!("relative URL without a base: \"{location}\"")));
            };
            return Err(Fault::BadRequest(format!("URL {location} with scheme {scheme} is not supported")));
        };
        let path = decoded(path);
        let path = path.as_path();
        if !path.exists() {
            return Err(Fault::BadRequest(format!("Snapshot file \"{}\" does not exist", path.display())));
        }
        let (path, allowed) = (fs::canonicalize(path)?, fs::canonicalize(&self.snapshots)?);
        if !path.starts_with(&allowed) {
            return Err(Fault::Forbidden(format!(
                "Snapshot file path must be inside the snapshots directory \"{}\"",
                allowed.display()
            )));
        }
        Ok(path)
    }

    /// Restore a collection snapshot. A missing collection is created, an existing one is replaced.
    pub(crate) fn recover(&mut self, name: &str, source: &Source) -> Outcome<bool> {
        if self.failures.has(&Failure::UploadFails) {
            return Err(Fault::service("No space left on device (os error 28)"));
        }
        if let Some(checksum) = &source.checksum {
            let found = digest(&source.path)?;
            if !found.eq_ignore_ascii_case(checksum.trim()) {
                return Err(Fault::bad_input(format!(
                    "Snapshot checksum mismatch: expected {checksum}, got {found}"
                )));
            }
        }
        let scratch = self.scratch(&format!("col-{name}-recovery-"))?;
        archive::unpack(&source.path, scratch.path())?;
        let config = scratch.path().join("config.json");
        if !config.exists() {
            return Err(Fault::service(format!(
                "File IO error: failed to open file `{}`: No such file or directory (os error 2)",
                config.display()
            )));
        }
        let restored = Collection::load(scratch.path(), name)?;
        self.adopt(scratch.path());
        match self.collections.get(name) {
            None => {
                if self.aliases.contains_key(name) {
                    return Err(alias_in_the_way(name));
                }
            }
            Some(existing) => {
                if existing.schema.vectors_config() != restored.schema.vectors_config() {
                    return Err(Fault::bad_input(format!(
                        "Snapshot is not compatible with existing collection: Collection vectors: {} Snapshot Vectors: {}",
                        existing.schema.vectors_config(),
                        restored.schema.vectors_config()
                    )));
                }
                if existing.schema.shard_number() != restored.schema.shard_number() {
                    return Err(Fault::bad_input(format!(
                        "Snapshot is not compatible with existing collection: Collection shard number: {} Snapshot shard number: {}",
                        existing.schema.shard_number(),
                        restored.schema.shard_number()
                    )));
                }
                // What exists keeps its own configuration and payload schema.
                for file in ["config.json", "payload_index.json", "shard_key_mapping.json"] {
                    fs::copy(existing.dir.join(file), scratch.path().join(file))?;
                }
            }
        }
        let dir = self.dir(name);
        if self.collections.remove(name).is_some() {
            fs::rename(&dir, self.scratch("replaced-")?.path().join("collection"))?;
        }
        fs::rename(scratch.path(), &dir)?;
        let mut collection = Collection::load(&dir, name)?;
        if self.failures.has(&Failure::UploadEmpty) {
            collection.remove_all_points()?;
        }
        self.collections.insert(name.to_owned(), collection);
        Ok(true)
    }

    /// Make the replica states of an unpacked collection name this server.
    fn adopt(&self, dir: &Path) {
        let peer = self.peer;
        let state =
            json!({ "is_local": true, "this_peer_id": peer, "peers": { peer.to_string(): "Active" } });
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path().join("replica_state.json");
            if path.exists() {
                // A state that still names the old server does no harm here.
                let _ = disk::write_json(&path, &state);
            }
        }
    }

    pub(crate) fn shard_manifest(&self, name: &str, shard: u32) -> Outcome<BTreeMap<String, Manifest>> {
        let collection = self.listed(name)?;
        if self.is_unreadable(&collection.name) {
            return Ok(BTreeMap::new());
        }
        collection.shard(shard)?.manifest()
    }

    /// Pack a shard, or what the owner of `have` lacks of it, into a scratch file.
    pub(crate) fn stream_shard(
        &mut self,
        name: &str,
        shard: u32,
        have: Option<&BTreeMap<String, Manifest>>,
    ) -> Outcome<tempfile::NamedTempFile> {
        if have == Some(&self.shard_manifest(name, shard)?) {
            return Err(Fault::Unchanged(shard));
        }
        let draft = tempfile::NamedTempFile::new_in(&self.storage)?;
        let collection = self.writable(name, "get_snapshot_creator")?;
        // The real server waits for all updates and folds them into the segments: the log it sends is empty.
        collection.checkpoint()?;
        archive::pack_shard(collection.shard(shard)?, have, draft.path())?;
        Ok(draft)
    }

    /// Lay a partial snapshot over a shard, or with `full` replace the shard by a shard snapshot.
    pub(crate) fn recover_shard(&mut self, name: &str, shard: u32, upload: &Path, full: bool) -> Outcome<()> {
        let scratch = self.scratch("shard-recovery-")?;
        let collection = self.writable(name, "recover")?;
        collection.checkpoint()?;
        let dir = collection.shard(shard)?.dir.clone();
        let (root, name) = (collection.dir.clone(), collection.name.clone());
        archive::unpack_shard(upload, scratch.path())?;
        if full {
            fs::rename(dir.join("segments"), scratch.path().join("replaced"))?;
            fs::rename(scratch.path().join("segments"), dir.join("segments"))?;
            fs::remove_dir_all(dir.join("wal"))?;
        } else {
            archive::merge_partial(&dir, scratch.path())?;
        }
        self.collections.insert(name.clone(), Collection::load(&root, &name)?);
        Ok(())
    }
}

/// The path of an address.
fn decoded(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code =
            tail.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".checksum");
    PathBuf::from(name)
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            count => hasher.update(&block[..count]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn stamp() -> String {
    Timestamp::now().strftime("%Y-%m-%d-%H-%M-%S").to_string()
}

fn naive(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
