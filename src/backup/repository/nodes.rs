//! What restic's format has of an entry of an archive.

use std::io;
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustic_core::jiff::Timestamp;
use rustic_core::repofile::{Metadata, NodeType};

use crate::backup::driver::volume::tar_entries::TarEntry;

/// Of the files that this program adds.
pub(super) fn private(size: u64) -> Metadata {
    Metadata { mode: Some(0o600), size, ..Metadata::default() }
}

/// `None` for a hard link, which restic's format does not have: it has the content at each of the names.
pub(super) fn node_type(entry: &TarEntry) -> io::Result<Option<NodeType>> {
    Ok(Some(match entry.kind() {
        b'0' | b'7' => NodeType::File,
        b'5' => NodeType::Dir,
        b'2' => NodeType::from_link(&entry.link()),
        b'3' => NodeType::Chardev { device: device(entry)? },
        b'4' => NodeType::Dev { device: device(entry)? },
        b'6' => NodeType::Fifo,
        _ => return Ok(None),
    }))
}

/// Owner, mode, time and extended attributes.
pub(super) fn metadata(entry: &TarEntry) -> io::Result<Metadata> {
    let time = entry.mtime()?;
    let (uid, gid) = entry.owner()?;
    let is_file = matches!(entry.kind(), b'0' | b'7');
    let nanoseconds = i32::try_from(time.nanoseconds).map_err(io::Error::other)?;
    Ok(Metadata {
        mode: Some(entry.mode()? & 0o7777),
        mtime: Some(Timestamp::new(time.seconds, nanoseconds).map_err(io::Error::other)?),
        uid: Some(uid),
        gid: Some(gid),
        size: if is_file { entry.size } else { 0 },
        ..attributes(entry)?
    })
}

/// The extended attributes. The library does not export the type of one, so they take the way of its JSON.
fn attributes(entry: &TarEntry) -> io::Result<Metadata> {
    let attribute = |(name, value): (&[u8], &[u8])| serde_json::json!({ "name": String::from_utf8_lossy(name), "value": BASE64_STANDARD.encode(value) });
    let all: Vec<_> = entry.records.attributes().map(attribute).collect();
    if all.is_empty() {
        return Ok(Metadata::default());
    }
    serde_json::from_value(serde_json::json!({ "extended_attributes": all })).map_err(io::Error::other)
}

/// Restic has modes as Go's `fs.FileMode`.
///
/// Source: <https://pkg.go.dev/io/fs#FileMode>
pub(super) fn go_mode(mode: u32, node_type: &NodeType) -> u32 {
    let special = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    let special = special.iter().filter(|(bit, _)| mode & bit != 0).fold(0, |all, (_, go)| all | go);
    let kind = match node_type {
        NodeType::File => 0,
        NodeType::Dir => 1 << 31,
        NodeType::Symlink { .. } => 1 << 27,
        NodeType::Dev { .. } => 1 << 26,
        NodeType::Chardev { .. } => 1 << 26 | 1 << 21,
        NodeType::Fifo => 1 << 25,
        NodeType::Socket => 1 << 24,
    };
    mode & 0o777 | special | kind
}

/// As `stat` has it.
fn device(entry: &TarEntry) -> io::Result<u64> {
    let (major, minor) = entry.device()?;
    Ok(rustix::fs::makedev(major, minor))
}

/// The path of an entry without `.`; `None` if it leads outside.
pub(super) fn relative(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => inside.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_outside_are_refused() {
        assert_eq!(relative(Path::new("./data/x")), Some(PathBuf::from("data/x")));
        assert_eq!(relative(Path::new("../x")), None);
        assert_eq!(relative(Path::new("/x")), None);
    }
}
