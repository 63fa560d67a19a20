//! Tar archives with the names that a real engine uses.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The archive of a path; `base` is its name in the archive.
pub(super) fn pack(base: &Path, files: &[(PathBuf, &Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let header = |kind: tar::EntryType, size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_size(size as u64);
        header
    };
    let mut tar = tar::Builder::new(Vec::new());
    let is_one_file = matches!(files, [(path, _)] if path.as_os_str().is_empty());
    if !is_one_file {
        let mut name = base.as_os_str().to_owned();
        name.push("/");
        tar.append_data(&mut header(tar::EntryType::Directory, 0), name, std::io::empty())?;
    }
    let mut directories = std::collections::BTreeSet::new();
    for (path, content) in files {
        let parents: Vec<&Path> =
            path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).collect();
        for parent in parents.into_iter().rev() {
            if directories.insert(parent.to_owned()) {
                let mut name = base.join(parent).into_os_string();
                name.push("/");
                tar.append_data(&mut header(tar::EntryType::Directory, 0), name, std::io::empty())?;
            }
        }
        let name = if is_one_file { base.to_owned() } else { base.join(path) };
        tar.append_data(&mut header(tar::EntryType::Regular, content.len()), name, content.as_slice())?;
    }
    tar.into_inner()
}

/// The first tag in `manifest.json` of a saved image.
pub(super) fn first_tag(tar: &[u8]) -> std::io::Result<String> {
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        if entry.path()?.as_os_str() == "manifest.json" {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            let manifest: serde_json::Value = serde_json::from_str(&text)?;
            if let Some(tag) = manifest[0]["RepoTags"][0].as_str() {
                return Ok(tag.to_owned());
            }
        }
    }
    Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the archive contains no tagged image"))
}
