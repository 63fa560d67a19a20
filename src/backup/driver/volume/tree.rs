//! A digest of the names, sizes, times and inodes below the data mounts of a store, read from the host without reading any
//! file. Two equal digests prove that nothing was written in between, as long as nothing had the files open for writing.

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::backup::driver::DriverTarget;
use crate::fs::Digester;
use crate::inventory::{DataLocation, LocationSource};

/// The digest; `None` where this process cannot see all the files.
pub(super) async fn digest(target: DriverTarget<'_>, places: &[&DataLocation]) -> Option<String> {
    if !target.local {
        return None;
    }
    let mut roots: Vec<(PathBuf, PathBuf)> = Vec::new();
    let below = |place: &&DataLocation| places.iter().any(|outer| place.target.starts_with(&outer.target));
    for place in target.store.locations.iter().filter(below) {
        let on_host = match &place.source {
            LocationSource::Tmpfs => continue,
            LocationSource::Layer | LocationSource::Volume { name: None, .. } => return None,
            LocationSource::Bind { path } => path.clone(),
            LocationSource::Volume { name: Some(name), .. } => {
                let volume = target.engine.volume(name).await.ok()??;
                // What its options mount is there only while a container uses it.
                if volume.driver != "local" || !volume.options.is_empty() {
                    return None;
                }
                volume.mountpoint
            }
        };
        roots.push((place.target.clone(), on_host));
    }
    if roots.is_empty() {
        return None;
    }
    roots.sort();
    tokio::task::spawn_blocking(move || of_roots(&roots)).await.ok()?.ok()
}

fn of_roots(roots: &[(PathBuf, PathBuf)]) -> io::Result<String> {
    let mut digester = Digester::default();
    for (target, on_host) in roots {
        digester.update(target.as_os_str().as_bytes());
        entry(&mut digester, on_host, &on_host.symlink_metadata()?)?;
    }
    Ok(digester.finish().to_string())
}

fn entry(digester: &mut Digester, path: &Path, meta: &Metadata) -> io::Result<()> {
    let numbers = [meta.ino(), u64::from(meta.mode()), meta.size()];
    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
    for number in numbers {
        digester.update(&number.to_le_bytes());
    }
    for time in times {
        digester.update(&time.to_le_bytes());
    }
    if !meta.is_dir() {
        return Ok(());
    }
    let mut names = std::fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    for name in names {
        digester.update(&[0]);
        digester.update(name.as_bytes());
        digester.update(&[0]);
        let path = path.join(&name);
        match path.symlink_metadata() {
            Ok(meta) => entry(digester, &path, &meta)?,
            // Something is writing, and the next digest will differ.
            Err(error) if error.kind() == io::ErrorKind::NotFound => digester.update(b"gone"),
            Err(error) => return Err(error),
        }
    }
    // The end of the directory.
    digester.update(&[0, 0]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn digest(root: &Path) -> String {
        of_roots(&[("/data".into(), root.to_owned())]).expect("readable")
    }

    #[test]
    fn every_change_shows() {
        let root = tempfile::tempdir().expect("a directory");
        let file = root.path().join("a/file");
        fs::create_dir(root.path().join("a")).expect("made");
        fs::write(&file, "one").expect("written");
        let mut seen = vec![digest(root.path())];
        assert_eq!(digest(root.path()), seen[0], "nothing happened");
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(root.path().join("b"), "").expect("written"),
            &|| fs::write(&file, "more").expect("written"),
            &|| fs::rename(&file, root.path().join("a/other")).expect("renamed"),
            &|| fs::remove_file(root.path().join("a/other")).expect("removed"),
        ];
        for change in changes {
            change();
            let now = digest(root.path());
            assert!(!seen.contains(&now));
            seen.push(now);
        }
    }

    #[test]
    fn the_same_size_and_time_in_another_file_shows() {
        let root = tempfile::tempdir().expect("a directory");
        let (file, other) = (root.path().join("file"), root.path().join("other"));
        fs::write(&file, "one").expect("written");
        fs::write(&other, "two").expect("written");
        let time = file.metadata().expect("there").modified().expect("a time");
        let before = digest(root.path());
        fs::rename(&other, &file).expect("renamed");
        let options = fs::File::options().write(true).open(&file).expect("opened");
        options.set_modified(time).expect("set");
        assert_ne!(digest(root.path()), before);
    }

    #[test]
    fn what_cannot_be_seen_has_no_digest() {
        assert!(of_roots(&[("/data".into(), "/nonexistent".into())]).is_err());
    }
}
