//! Small archives that a restore makes itself.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::archive_file;

/// One file that only root can read.
pub(super) fn file(name: &str, content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(content.len() as u64);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, content)?;
    Ok(tar.into_inner()?)
}

/// Directories that only root can enter.
pub(super) fn directories(names: &[&Path]) -> anyhow::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o700);
        header.set_size(0);
        let mut path = name.as_os_str().to_owned();
        path.push("/");
        tar.append_data(&mut header, path, std::io::empty())?;
    }
    Ok(tar.into_inner()?)
}

/// The top directory of an archive, without its contents and under another name: unpacked over a directory, it gives that
/// one its owner, its mode and its time.
pub(super) fn top_directory(archive: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Archive::new(archive_file::open(archive)?);
    let entry = archive.entries()?.next().context("the archive is empty")??;
    let original = entry.header();
    ensure!(original.entry_type().is_dir(), "the archive does not begin with its directory");
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(original.mode()?);
    header.set_uid(original.uid().unwrap_or(0));
    header.set_gid(original.gid().unwrap_or(0));
    header.set_mtime(original.mtime().unwrap_or(0));
    header.set_size(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, OsStr::from_bytes(format!("{name}/").as_bytes()), std::io::empty())?;
    Ok(tar.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_and_mode_of_the_top_directory_are_kept() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o700);
        header.set_uid(999);
        header.set_gid(998);
        header.set_mtime(7);
        header.set_size(0);
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_data(&mut header, "data/", std::io::empty()).expect("in memory");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.tar");
        std::fs::write(&path, tar.into_inner().expect("in memory")).expect("written");
        let made = top_directory(&path, "held").expect("made");
        let mut archive = tar::Archive::new(made.as_slice());
        let entry = archive.entries().expect("a tar").next().expect("one").expect("sound");
        let header = entry.header();
        assert_eq!(entry.path().expect("a path"), Path::new("held/"));
        assert_eq!(header.mode().expect("a mode"), 0o700);
        assert_eq!((header.uid().expect("a user"), header.gid().expect("a group")), (999, 998));
        assert!(top_directory(&directory.path().join("none"), "held").is_err());
    }
}
