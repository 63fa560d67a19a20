//! Archives in the server's layout: collection snapshots, shard streams and partial snapshots.
//!
//! Plain GNU tar with sparse entries. In a collection snapshot every segment is a tar of its own that has no
//! end-of-archive blocks; only the outer one has. `payload_index.json` comes last. (Measured on qdrant 1.19.0.)

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tar::{Builder, EntryType, Header};

use crate::collection::Collection;
use crate::disk;
use crate::fault::{Fault, Outcome};
use crate::segment::{self, Manifest};
use crate::shard::Shard;

/// Write a collection snapshot to `path`. The collection must be flushed.
pub(crate) fn pack(collection: &Collection, path: &Path) -> Outcome<()> {
    let mut tar = builder(File::create(path)?);
    for shard in &collection.shards {
        append_shard(&mut tar, shard, &format!("{}/", shard.id))?;
    }
    for last in ["version.info", "config.json", "shard_key_mapping.json", "payload_index.json"] {
        append_bytes(&mut tar, last, &fs::read(collection.dir.join(last))?)?;
    }
    tar.into_inner()?.flush()?;
    Ok(())
}

/// Write the snapshot of one shard to `path`: what a collection snapshot has below the shard's number.
pub(crate) fn pack_shard_snapshot(shard: &Shard, path: &Path) -> Outcome<()> {
    let mut tar = builder(File::create(path)?);
    append_shard(&mut tar, shard, "")?;
    tar.into_inner()?.flush()?;
    Ok(())
}

/// `root` is empty, or ends with `/`.
fn append_shard(tar: &mut Builder<File>, shard: &Shard, root: &str) -> Outcome<()> {
    for segment in &shard.segments {
        let bytes = pack_segment(&segment.dir(&shard.segments_dir()))?;
        append_bytes(tar, &format!("{root}segments/{}.tar", segment.uuid), &bytes)?;
    }
    for clocks in ["newest_clocks.json", "oldest_clocks.json"] {
        append_if_there(tar, &shard.dir, root, clocks)?;
    }
    let mut logs: Vec<_> = fs::read_dir(shard.dir.join("wal"))?
        .map(|entry| entry.map(|e| e.file_name()))
        .collect::<Result<_, _>>()?;
    logs.sort();
    for name in logs {
        let name = format!("wal/{}", name.to_string_lossy());
        append_file(tar, &shard.dir.join(&name), &format!("{root}{name}"))?;
    }
    for last in ["applied_seq.json", "replica_state.json", "shard_config.json"] {
        append_if_there(tar, &shard.dir, root, last)?;
    }
    Ok(())
}

/// A segment as a tar that stops short of its end-of-archive blocks.
fn pack_segment(dir: &Path) -> io::Result<Vec<u8>> {
    let closed = Rc::new(Cell::new(false));
    let bytes = Rc::new(Cell::new(Vec::new()));
    let mut tar = builder(Fused { closed: Rc::clone(&closed), bytes: Rc::clone(&bytes) });
    for file in segment::files(dir)? {
        append_file(&mut tar, &dir.join(&file), &format!("snapshot/files/{}", file.display()))?;
    }
    closed.set(true);
    drop(tar);
    Ok(bytes.take())
}

/// Drops what is written after it has been closed: the blocks that a dropped builder appends.
struct Fused {
    closed: Rc<Cell<bool>>,
    bytes: Rc<Cell<Vec<u8>>>,
}

impl Write for Fused {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if !self.closed.get() {
            let mut bytes = self.bytes.take();
            bytes.extend_from_slice(part);
            self.bytes.set(bytes);
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Write a shard's stream: with `manifest`, a partial snapshot of what its owner lacks; without, everything.
pub(crate) fn pack_shard(
    shard: &Shard,
    manifest: Option<&BTreeMap<String, Manifest>>,
    path: &Path,
) -> Outcome<()> {
    let mut tar = builder(File::create(path)?);
    let directory = shard.segments_dir();
    for segment in &shard.segments {
        let dir = segment.dir(&directory);
        let root = format!("segments/{}/files", segment.uuid);
        let current = segment.manifest(&directory)?;
        let wanted = match manifest {
            None => None,
            Some(manifest) => {
                let bytes = serde_json::to_vec(&current)?;
                append_bytes(&mut tar, &format!("{root}/segment_manifest.json"), &bytes)?;
                Some(current.newer_than(manifest.get(&current.segment_id)))
            }
        };
        for file in segment::files(&dir)? {
            let name = file.to_string_lossy();
            let always = name == "segment.json" || name == "version.info";
            if always || wanted.as_ref().is_none_or(|wanted| wanted.contains(&&*name)) {
                append_file(&mut tar, &dir.join(&file), &format!("{root}/{name}"))?;
            }
        }
    }
    for clocks in ["newest_clocks.json", "oldest_clocks.json"] {
        append_if_there(&mut tar, &shard.dir, "", clocks)?;
    }
    tar.append_dir("wal", shard.dir.join("wal"))?;
    append_if_there(&mut tar, &shard.dir, "", "applied_seq.json")?;
    for last in ["replica_state.json", "shard_config.json"] {
        append_if_there(&mut tar, &shard.dir, "", last)?;
    }
    tar.into_inner()?.flush()?;
    Ok(())
}

fn builder<W: Write>(writer: W) -> Builder<W> {
    let mut tar = Builder::new(writer);
    tar.sparse(true);
    tar
}

fn append_file<W: Write>(tar: &mut Builder<W>, path: &Path, name: &str) -> io::Result<()> {
    tar.append_file(name, &mut File::open(path)?)
}

fn append_if_there<W: Write>(tar: &mut Builder<W>, dir: &Path, root: &str, name: &str) -> io::Result<()> {
    let path = dir.join(name);
    if !path.exists() {
        return Ok(());
    }
    append_bytes(tar, &format!("{root}{name}"), &fs::read(path)?)
}

fn append_bytes<W: Write>(tar: &mut Builder<W>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, name, bytes)
}

/// Unpack a collection snapshot into `dir`, nested segment tars included.
pub(crate) fn unpack(archive: &Path, dir: &Path) -> Outcome<()> {
    unpack_tar(archive, dir)?;
    for entry in fs::read_dir(dir)? {
        let segments = entry?.path().join("segments");
        if segments.is_dir() {
            restore_segments(&segments)?;
        }
    }
    Ok(())
}

/// Unpack a shard archive of either format into `dir`.
pub(crate) fn unpack_shard(archive: &Path, dir: &Path) -> Outcome<()> {
    unpack_tar(archive, dir)?;
    let segments = dir.join("segments");
    if !segments.is_dir() {
        return Err(Fault::service(format!("{} has no segments", archive.display())));
    }
    restore_segments(&segments)
}

/// As `tar_unpack_reader` of `lib/common/common/src/tar_unpack.rs`, with its words.
fn unpack_tar(archive: &Path, dir: &Path) -> io::Result<()> {
    let malformed = |what: &str, error: &io::Error| {
        io::Error::new(error.kind(), format!("Malformed tar archive, {what}"))
    };
    fs::create_dir_all(dir)?;
    let dir = fs::canonicalize(dir)?;
    let mut tar = tar::Archive::new(io::BufReader::new(File::open(archive)?));
    tar.set_overwrite(false);
    for entry in tar.entries().map_err(|error| malformed("unable to read entries", &error))? {
        let mut entry = entry.map_err(|error| malformed("reached unknown entry", &error))?;
        let kind = entry.header().entry_type();
        if !matches!(kind, EntryType::Directory | EntryType::Regular | EntryType::GNUSparse) {
            return Err(io::Error::other(format!("Forbidden entry type in tar archive: {kind:?}")));
        }
        entry.unpack_in(&dir)?;
    }
    Ok(())
}

/// Turn `segments/{uuid}.tar` and `segments/{uuid}/files/` into `segments/{uuid}/`.
fn restore_segments(segments: &Path) -> Outcome<()> {
    let entries: Vec<PathBuf> =
        fs::read_dir(segments)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    for path in entries {
        let inner = if path.extension().is_some_and(|extension| extension == "tar") {
            let unpacked = path.with_extension("unpacked");
            unpack_tar(&path, &unpacked)?;
            fs::remove_file(&path)?;
            let target = path.with_extension("");
            fs::rename(unpacked.join("snapshot/files"), &target)?;
            fs::remove_dir_all(unpacked)?;
            continue;
        } else {
            path.join("files")
        };
        if inner.is_dir() {
            let aside = path.with_extension("files");
            fs::rename(&inner, &aside)?;
            fs::remove_dir_all(&path)?;
            fs::rename(&aside, &path)?;
        }
    }
    Ok(())
}

/// Lay an unpacked partial snapshot over a shard: its segments and no others, its files where it has them.
pub(crate) fn merge_partial(shard: &Path, partial: &Path) -> Outcome<()> {
    let (ours, theirs) = (shard.join("segments"), partial.join("segments"));
    for entry in fs::read_dir(&theirs)? {
        let path = entry?.path();
        let manifest = path.join("segment_manifest.json");
        if !manifest.exists() {
            return Err(Fault::service(format!(
                "Validation failed: invalid partial snapshot: segment {} does not contain segment manifest; ensure you are not recovering shard snapshot on partial snapshot endpoint",
                path.file_name().unwrap_or_default().to_string_lossy()
            )));
        }
    }
    for entry in fs::read_dir(&ours)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        let manifest = theirs.join(name).join("segment_manifest.json");
        if !manifest.exists() {
            fs::remove_dir_all(&path)?;
            continue;
        }
        let manifest: Manifest = serde_json::from_slice(&fs::read(manifest)?)?;
        for file in segment::files(&path)? {
            let name = file.to_string_lossy();
            let kept = name == "segment.json" || name == "version.info";
            if !kept && !manifest.file_versions.contains_key(&*name) {
                fs::remove_file(path.join(&file))?;
            }
        }
    }
    for entry in fs::read_dir(&theirs)? {
        let path = entry?.path();
        fs::remove_file(path.join("segment_manifest.json"))?;
        let target = ours.join(path.file_name().unwrap_or_default());
        for file in segment::files(&path)? {
            let to = target.join(&file);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            disk::move_file(&path.join(&file), &to)?;
        }
    }
    let log = shard.join("wal");
    fs::remove_dir_all(&log)?;
    for name in ["newest_clocks.json", "oldest_clocks.json", "applied_seq.json"] {
        if partial.join(name).exists() {
            disk::move_file(&partial.join(name), &shard.join(name))?;
        }
    }
    Ok(())
}
