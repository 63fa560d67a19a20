//! Verifies a backup: reads it back from disk and compares it with its manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use super::{Backup, Damage, Verified, offloaded, sums};
use crate::backup::manifest::{self, Artifact, Manifest};
use crate::backup::test_restore;
use crate::fs::{FsError, read_back, read_bounded};
use crate::progress::{Progress, Silent, Unit};

impl Backup {
    /// Hashes every file again.
    pub fn check(&self) -> Result<Verified, Damage> {
        self.check_showing(&Silent)
    }

    /// Whether every file exists with its size, and no others. Reads none of them.
    pub fn is_complete(&self) -> Result<(), Damage> {
        if self.is_offloaded {
            return Err(Damage::Offloaded);
        }
        present(&self.directory, &self.manifest).map(drop)
    }

    /// Hashes every file again, with progress. The manifest is read again, too.
    pub fn check_showing(&self, progress: &dyn Progress) -> Result<Verified, Damage> {
        let backup = Self::load(&self.directory)?;
        if backup.is_offloaded {
            return Err(Damage::Offloaded);
        }
        if backup.manifest != self.manifest {
            return Err(Damage::ManifestChanged);
        }
        files(&backup.directory, &backup.manifest, &BTreeMap::new(), progress)?;
        sums_agree(&backup.directory, &backup.manifest.artifacts)?;
        Ok(Verified(backup))
    }
}

/// The files of every backup that no manifest lists.
const OWN: [&str; 4] = [manifest::FILE_NAME, sums::FILE_NAME, test_restore::FILE_NAME, offloaded::FILE_NAME];

/// Whether the path of an artifact is inside the backup's directory, and none of [`OWN`].
pub(crate) fn stays_inside(path: &str) -> bool {
    let mut parts = 0;
    let normal = Path::new(path).components().all(|part| {
        parts += 1;
        matches!(part, Component::Normal(_))
    });
    // `components` accepts `a//b`, `a/./b` and `a/`, but one file must have one name.
    let literal = path.split('/').count() == parts;
    // `sha256sum -c` takes `-` for its standard input.
    normal && literal && !path.contains('\0') && !OWN.contains(&path) && path != "-"
}

/// Checks that a directory has the files of a manifest and no others, each with its size.
fn present<'a>(directory: &Path, manifest: &'a Manifest) -> Result<BTreeMap<&'a str, &'a Artifact>, Damage> {
    let mut listed: BTreeMap<&str, &Artifact> = BTreeMap::new();
    for artifact in &manifest.artifacts {
        let path = || artifact.path.clone();
        if !stays_inside(&artifact.path) {
            return Err(Damage::Escapes { path: path() });
        }
        if listed.insert(&artifact.path, artifact).is_some() {
            return Err(Damage::Twice { path: path() });
        }
    }
    let mut found = BTreeMap::new();
    walk(directory, "", &mut found)?;
    found.retain(|path, _| !OWN.contains(&path.as_str()));
    if let Some(path) = listed.keys().find(|path| !found.contains_key(**path)) {
        return Err(Damage::Missing { path: (*path).to_owned() });
    }
    if let Some(path) = found.keys().find(|path| !listed.contains_key(path.as_str())) {
        return Err(Damage::Extra { path: path.clone() });
    }
    for (path, artifact) in &listed {
        let bytes = found.get(*path).copied().unwrap_or_default();
        if bytes != artifact.bytes {
            return Err(Damage::WrongSize {
                path: (*path).to_owned(),
                recorded: artifact.bytes,
                found: bytes,
            });
        }
    }
    Ok(listed)
}

/// Checks that a directory has the files of a manifest and no others, each with its size and its digest. Files in
/// `known` have just been hashed, with that result.
pub(super) fn files(
    directory: &Path,
    manifest: &Manifest,
    known: &BTreeMap<String, String>,
    progress: &dyn Progress,
) -> Result<(), Damage> {
    let listed = present(directory, manifest)?;
    let total =
        listed.values().filter(|artifact| !known.contains_key(&artifact.path)).map(|one| one.bytes).sum();
    let task = progress.begin("verifying the backup", Unit::Bytes, Some(total));
    for (path, artifact) in &listed {
        let digest = if let Some(digest) = known.get(*path) {
            digest.clone()
        } else {
            task.detail(path);
            let file = directory.join(path);
            read_back(&file, &mut |read| task.advance(read)).map_err(unreadable)?.1.to_string()
        };
        if digest != artifact.sha256 {
            let (path, recorded) = ((*path).to_owned(), artifact.sha256.clone());
            return Err(Damage::WrongDigest { path, recorded, found: digest });
        }
    }
    Ok(())
}

/// Every file below a directory with its size, by its path with `/`.
fn walk(directory: &Path, prefix: &str, found: &mut BTreeMap<String, u64>) -> Result<(), Damage> {
    let error = |source| Damage::Unreadable { path: directory.to_owned(), source };
    for entry in fs::read_dir(directory).map_err(error)? {
        let entry = entry.map_err(error)?;
        let name = entry.file_name();
        let path = format!("{prefix}{}", name.to_string_lossy());
        // Of the entry itself: symbolic links are never followed.
        let meta = entry.metadata().map_err(error)?;
        if meta.is_dir() {
            walk(&entry.path(), &format!("{path}/"), found)?;
        } else if meta.is_file() && name.to_str().is_some() {
            found.insert(path, meta.len());
        } else {
            return Err(Damage::NotAFile { path });
        }
    }
    Ok(())
}

fn sums_agree(directory: &Path, artifacts: &[Artifact]) -> Result<(), Damage> {
    let path = directory.join(sums::FILE_NAME);
    let text = match read_bounded(&path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| Damage::BadSums { line: 1 })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Damage::NoSums),
        Err(source) => return Err(Damage::Unreadable { path, source }),
    };
    let mut sums = sums::read(&text)?;
    for artifact in artifacts {
        if sums.remove(&artifact.path).as_ref() != Some(&artifact.sha256) {
            return Err(Damage::SumsDisagree { path: artifact.path.clone() });
        }
    }
    match sums.into_keys().next() {
        Some(path) => Err(Damage::SumsDisagree { path }),
        None => Ok(()),
    }
}

pub(super) fn unreadable(error: FsError) -> Damage {
    let (path, source) = match error {
        FsError::Io { path, source, .. } => (path, source),
        FsError::Full { path, .. } | FsError::Reserved { path, .. } | FsError::NoInodes { path } => {
            (path, std::io::ErrorKind::StorageFull.into())
        }
        FsError::Locked { path, .. } => (path, std::io::ErrorKind::ResourceBusy.into()),
        FsError::Exists { path } => (path, std::io::ErrorKind::AlreadyExists.into()),
        FsError::NotADirectory { path } | FsError::Link { path } => {
            (path, std::io::ErrorKind::NotADirectory.into())
        }
    };
    Damage::Unreadable { path, source }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_paths_below_the_directory_are_taken() {
        for path in ["a", "a/b.tar", "..a", "a..b/c", " ", "-a", "a\\b"] {
            assert!(stays_inside(path), "{path}");
        }
        for path in [
            "",
            ".",
            "..",
            "/",
            "/a",
            "../a",
            "a/../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a\0",
            "manifest.json",
            "SHA256SUMS",
            "proof.json",
            "-",
        ] {
            assert!(!stays_inside(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_stays_inside(path in "[./a]{0,12}") {
            if stays_inside(&path) {
                let mut depth = 0;
                for part in Path::new("/root/dir").join(&path).components() {
                    depth += match part { Component::ParentDir => -1, Component::CurDir => 0, _ => 1 };
                }
                prop_assert!(Path::new("/root/dir").join(&path).starts_with("/root/dir") && depth > 3);
            }
        }
    }
}
