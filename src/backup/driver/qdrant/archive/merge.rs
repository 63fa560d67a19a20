//! Merges the snapshot of a collection and its increments into one snapshot.
//!
//! The server could apply the increments one after the other, but it does so blindly: it keeps its own files where an
//! increment has none, and by then they are not those of the snapshot any more, because it has replayed the log of the
//! snapshot, or optimized its segments. So the files are put together here, and the server gets one complete snapshot.
//!
//! Each increment lists all files of all segments. A file is taken from the newest archive that has it. The log of the
//! snapshot is left out: the increments contain what is in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::raw::{self, RawEntry};
use super::{SMALL, SnapshotError, parse};
use crate::backup::driver::qdrant::state::segment_versions;

/// The list of files in each segment of an increment.
const MANIFEST: &str = "segment_manifest.json";

/// Files of a segment that are in every archive, and in no list.
const ALWAYS: [&str; 2] = ["segment.json", "version.info"];

/// The server numbers its log by itself if it is not there.
const APPLIED: &str = "applied_seq.json";

/// A snapshot that lies in several archives. Reading it makes it one.
#[derive(Debug)]
pub(crate) struct MergedSnapshot {
    files: Vec<File>,
    pieces: Vec<Piece>,
    bytes: u64,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Stored { file: usize, start: u64, length: u64 },
}

/// What one archive contains of the shard.
struct Link {
    file: usize,
    segments: BTreeMap<String, LinkSegment>,
    /// The other files of the shard, by their path below it.
    shard: Vec<RawEntry>,
    /// Files of the collection; only the snapshot has some.
    collection: Vec<RawEntry>,
}

#[derive(Default)]
struct LinkSegment {
    /// The versions of all its files; `None` in the snapshot, which has all of them.
    versions: Option<BTreeMap<String, u64>>,
    files: BTreeMap<String, RawEntry>,
}

impl MergedSnapshot {
    /// Reads only the headers. Fails if a file is in no archive, or has changed in an increment without being in it.
    pub(crate) fn of(snapshot: &Path, increments: &[PathBuf], shard: u32) -> Result<Self, SnapshotError> {
        let mut merged = Self { files: Vec::new(), pieces: Vec::new(), bytes: 0 };
        let mut links = vec![merged.open(snapshot, |merged, file| base(&merged.files[file], file, shard))?];
        for increment in increments {
            links.push(merged.open(increment, |merged, file| changes(&merged.files[file], file))?);
        }
        let (Some(first), Some(last)) = (links.first(), links.last()) else {
            return Err(SnapshotError::NoSegments { shard });
        };
        if last.segments.is_empty() {
            return Err(SnapshotError::NoSegments { shard });
        }
        for (name, segment) in &last.segments {
            let listed = segment.versions.iter().flat_map(BTreeMap::keys).map(String::as_str);
            let own = segment.versions.is_none().then(|| segment.files.keys().map(String::as_str));
            for file in
                listed.chain(ALWAYS).chain(own.into_iter().flatten().filter(|file| !ALWAYS.contains(file)))
            {
                let (link, entry) = newest(&links, name, file)?;
                merged.add(link, entry, &format!("{shard}/segments/{name}/files/{file}"))?;
            }
        }
        for entry in last.shard.iter().filter(|entry| entry.path != APPLIED || links.len() == 1) {
            merged.add(last.file, entry, &format!("{shard}/{}", entry.path))?;
        }
        for entry in &first.collection {
            merged.add(first.file, entry, &entry.path)?;
        }
        merged.push(Piece::Bytes(vec![0; 1024]));
        Ok(merged)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn open(
        &mut self,
        path: &Path,
        link: impl FnOnce(&Self, usize) -> Result<Link, SnapshotError>,
    ) -> Result<Link, SnapshotError> {
        let unreadable = |source: io::Error| SnapshotError::Unreadable {
            path: path.display().to_string(),
            source: source.into(),
        };
        self.files.push(File::open(path).map_err(unreadable)?);
        link(self, self.files.len() - 1)
    }

    fn add(&mut self, file: usize, entry: &RawEntry, path: &str) -> Result<(), SnapshotError> {
        let broken = |source| SnapshotError::Broken { place: path.to_owned(), source };
        let (header, rest) = entry.renamed(path).map_err(broken)?;
        self.push(Piece::Bytes(header));
        if !rest.is_empty() {
            self.push(Piece::Stored { file, start: rest.start, length: rest.end - rest.start });
        }
        Ok(())
    }

    fn push(&mut self, piece: Piece) {
        self.bytes += piece.length();
        self.pieces.push(piece);
    }
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stored { length, .. } => *length,
        }
    }
}

/// Where the newest copy of a file is.
fn newest<'a>(links: &'a [Link], name: &str, file: &str) -> Result<(usize, &'a RawEntry), SnapshotError> {
    let path = || format!("segments/{name}/files/{file}");
    let missing = || SnapshotError::Missing { path: path() };
    let mut later: Option<u64> = None;
    for link in links.iter().rev() {
        let segment = link.segments.get(name).ok_or_else(missing)?;
        if let Some(versions) = &segment.versions
            && !ALWAYS.contains(&file)
        {
            let version = *versions.get(file).ok_or_else(missing)?;
            if later.is_some_and(|later| later > version) {
                return Err(SnapshotError::NotSent { path: path() });
            }
            later = Some(version);
        }
        if let Some(entry) = segment.files.get(file) {
            return Ok((link.file, entry));
        }
    }
    Err(missing())
}

/// The snapshot of the collection, in which each segment is an archive of its own.
fn base(file: &File, number: usize, shard: u32) -> Result<Link, SnapshotError> {
    let mut link = Link::new(number);
    let prefix = format!("{shard}/");
    for entry in all(file)? {
        if entry.is_directory() {
            continue;
        }
        let Some(below) = entry.path.strip_prefix(&prefix).map(str::to_owned) else {
            link.collection.push(entry);
            continue;
        };
        match below.strip_prefix("segments/").and_then(|file| file.strip_suffix(".tar")) {
            Some(name) if !name.contains('/') && entry.is_plain_file() => {
                let broken = |source| SnapshotError::Broken { place: entry.path.clone(), source };
                let segment = link.segments.entry(name.to_owned()).or_default();
                for entry in raw::index(file, entry.data.clone()).map_err(broken)? {
                    if let Some(file) =
                        entry.path.strip_prefix("snapshot/files/").filter(|_| !entry.is_directory())
                    {
                        segment.files.insert(file.to_owned(), entry.clone());
                    }
                }
            }
            Some(_) => return Err(SnapshotError::Stranger { path: entry.path }),
            None => link.shard.push(entry.at(below)),
        }
    }
    Ok(link)
}

/// An increment of the shard.
fn changes(file: &File, number: usize) -> Result<Link, SnapshotError> {
    let mut link = Link::new(number);
    for entry in all(file)? {
        let Some(below) = entry.path.strip_prefix("segments/") else {
            link.shard.push(entry);
            continue;
        };
        if entry.is_directory() {
            continue;
        }
        let Some((name, path)) = below.split_once("/files/") else {
            return Err(SnapshotError::Stranger { path: entry.path });
        };
        let segment = link.segments.entry(name.to_owned()).or_default();
        if path == MANIFEST {
            segment.versions = Some(versions(file, &entry)?);
        } else {
            segment.files.insert(path.to_owned(), entry.clone());
        }
    }
    Ok(link)
}

fn versions(file: &File, entry: &RawEntry) -> Result<BTreeMap<String, u64>, SnapshotError> {
    let broken = |source| SnapshotError::Broken { place: entry.path.clone(), source };
    let manifest: Value = parse(&entry.path, &entry.read(file, SMALL).map_err(broken)?)?;
    let files = segment_versions::of_files(&manifest).ok_or_else(|| SnapshotError::Unreadable {
        path: entry.path.clone(),
        source: anyhow::anyhow!("it has no versions of files"),
    })?;
    Ok(files.into_iter().map(|(file, version)| (file.to_owned(), version)).collect())
}

fn all(file: &File) -> Result<Vec<RawEntry>, SnapshotError> {
    let index = || raw::index(file, 0..file.metadata()?.len());
    index().map_err(|source| SnapshotError::Broken { place: "its start".to_owned(), source })
}

impl Link {
    fn new(file: usize) -> Self {
        Self { file, segments: BTreeMap::new(), shard: Vec::new(), collection: Vec::new() }
    }
}

/// Reads a merged snapshot from its beginning to its end.
pub(crate) struct MergedReader {
    snapshot: Arc<MergedSnapshot>,
    piece: usize,
    at: u64,
}

impl MergedReader {
    pub(crate) fn new(snapshot: &Arc<MergedSnapshot>) -> Self {
        Self { snapshot: Arc::clone(snapshot), piece: 0, at: 0 }
    }
}

impl Read for MergedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.snapshot.pieces.get(self.piece) {
            let left = piece.length() - self.at;
            if left == 0 {
                (self.piece, self.at) = (self.piece + 1, 0);
                continue;
            }
            let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            let count = match piece {
                Piece::Bytes(bytes) => {
                    let from = usize::try_from(self.at).map_err(io::Error::other)?;
                    buffer[..most].copy_from_slice(&bytes[from..from + most]);
                    most
                }
                Piece::Stored { file, start, .. } => {
                    let count = self.snapshot.files[*file].read_at(&mut buffer[..most], start + self.at)?;
                    if count == 0 && most > 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    count
                }
            };
            self.at += count as u64;
            return Ok(count);
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    /// Files with their contents.
    type Files<'a> = &'a [(&'a str, &'a str)];

    fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, contents: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        tar.append_data(&mut header, path, contents).expect("appended");
    }

    /// A snapshot with the segment `s`, which ends without blocks of zeros.
    fn snapshot(dir: &TempDir, files: Files<'_>) -> PathBuf {
        let mut segment = tar::Builder::new(Vec::new());
        for (file, contents) in files.iter().chain(&[("segment.json", "{}"), ("version.info", "0.6.0")]) {
            append(&mut segment, &format!("snapshot/files/{file}"), contents.as_bytes());
        }
        let mut segment = segment.into_inner().expect("finished");
        segment.truncate(segment.len() - 1024);
        let mut tar = tar::Builder::new(Vec::new());
        append(&mut tar, "0/segments/s.tar", &segment);
        for path in ["0/wal/open-1", "0/applied_seq.json", "0/shard_config.json", "config.json"] {
            append(&mut tar, path, b"old");
        }
        write(dir, "snapshot", tar)
    }

    /// An increment that lists these versions and has these files.
    fn increment(dir: &TempDir, name: &str, versions: &Value, files: Files<'_>) -> PathBuf {
        let mut tar = tar::Builder::new(Vec::new());
        let manifest = json!({ "segment_id": "s", "segment_version": 9, "file_versions": versions });
        append(&mut tar, "segments/s/files/segment_manifest.json", manifest.to_string().as_bytes());
        for (file, contents) in files.iter().chain(&[("segment.json", "{}"), ("version.info", "0.6.0")]) {
            append(&mut tar, &format!("segments/s/files/{file}"), contents.as_bytes());
        }
        for path in ["wal/open-9", "applied_seq.json", "shard_config.json"] {
            append(&mut tar, path, name.as_bytes());
        }
        write(dir, name, tar)
    }

    fn write(dir: &TempDir, name: &str, tar: tar::Builder<Vec<u8>>) -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, tar.into_inner().expect("finished")).expect("written");
        path
    }

    fn read(merged: MergedSnapshot) -> BTreeMap<String, String> {
        let bytes = merged.bytes();
        let mut all = Vec::new();
        MergedReader::new(&Arc::new(merged)).read_to_end(&mut all).expect("read");
        assert_eq!(all.len() as u64, bytes);
        let mut archive = tar::Archive::new(all.as_slice());
        let mut found = BTreeMap::new();
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let mut contents = String::new();
            entry.read_to_string(&mut contents).expect("text");
            assert_eq!(found.insert(path.clone(), contents), None, "{path}");
        }
        found
    }

    #[test]
    fn each_file_is_the_newest_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let base = snapshot(&dir, &[("ids", "1"), ("vectors", "1"), ("dropped", "1")]);
        let first = increment(&dir, "first", &json!({ "ids": null, "vectors": 4 }), &[("ids", "2")]);
        let second = increment(&dir, "second", &json!({ "ids": 9, "vectors": 4, "new": 9 }), &[("new", "3")]);
        let found = read(MergedSnapshot::of(&base, &[first, second], 0).expect("complete"));
        let expected = [
            ("0/segments/s/files/ids", "2"),
            ("0/segments/s/files/new", "3"),
            ("0/segments/s/files/segment.json", "{}"),
            ("0/segments/s/files/vectors", "1"),
            ("0/segments/s/files/version.info", "0.6.0"),
            ("0/shard_config.json", "second"),
            ("0/wal/open-9", "second"),
            ("config.json", "old"),
        ];
        assert_eq!(
            found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn a_file_that_is_nowhere_is_missed() {
        let dir = tempfile::tempdir().expect("a directory");
        let base = snapshot(&dir, &[("ids", "1")]);
        let lists_more = increment(&dir, "more", &json!({ "ids": 4, "vectors": 4 }), &[]);
        let error = MergedSnapshot::of(&base, &[lists_more], 0).expect_err("incomplete").to_string();
        assert_eq!(error, "`segments/s/files/vectors` is missing");
        let dropped = increment(&dir, "dropped", &json!({}), &[]);
        let back = increment(&dir, "back", &json!({ "ids": 4 }), &[]);
        assert!(MergedSnapshot::of(&base, &[dropped, back], 0).is_err(), "the old one is another file");
    }

    #[test]
    fn a_change_that_was_not_sent_is_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let base = snapshot(&dir, &[("ids", "1")]);
        let first = increment(&dir, "first", &json!({ "ids": 4 }), &[("ids", "2")]);
        let second = increment(&dir, "second", &json!({ "ids": 5 }), &[]);
        let error = MergedSnapshot::of(&base, &[first, second], 0).expect_err("inconsistent").to_string();
        assert_eq!(error, "`segments/s/files/ids` has changed, and is not in the increment");
    }

    #[test]
    fn recorded_archives_are_merged() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/qdrant");
        let merged =
            MergedSnapshot::of(&dir.join("receitas.snapshot"), &[dir.join("receitas.partial.tar")], 0)
                .expect("complete");
        let holes = merged.bytes();
        assert!(holes < 8 * 1024 * 1024, "holes are not filled: {holes}");
    }
}
