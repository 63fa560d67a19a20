//! Small archives that a restore makes itself.

use std::path::Path;

use anyhow::{bail, ensure};

use super::{archive_file, tar_entries};

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
/// one its owner, its mode, its time and its attributes.
pub(super) fn top_directory(archive: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut top = None;
    let walked = tar_entries::walk(archive_file::open(archive)?, |entry, _| {
        top = Some(entry.clone());
        Err(())
    });
    match (top, walked) {
        (Some(mut top), _) => {
            ensure!(top.kind() == b'5', "the archive does not begin with its directory");
            top.set_path(format!("{name}/").as_bytes());
            let mut tar = Vec::new();
            top.write_head(&mut tar)?;
            tar_entries::write_end(&mut tar)?;
            Ok(tar)
        }
        (None, Ok(())) => bail!("the archive is empty"),
        (None, Err(_)) => bail!("the archive is damaged"),
    }
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
