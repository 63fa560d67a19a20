//! Reads as little as possible of the files of a container.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

use crate::backup::driver::DriverTarget;
use crate::backup::driver::volume::pipe;
use crate::engine::{
    ByteStream, Container, Engine, EngineError, LiveEntry, MANY_ENTRIES, MOST_OF_A_FILE, ReplacedMount,
};
use crate::progress::Silent;

/// The files of a container, as its processes have them.
pub(super) struct Files<'a> {
    target: DriverTarget<'a>,
    container: &'a Container,
    /// What the engine would read from another directory than the running container has.
    replaced: Vec<ReplacedMount>,
}

impl<'a> Files<'a> {
    pub(super) async fn of(target: DriverTarget<'a>, container: &'a Container) -> Self {
        let replaced = target.engine.replaced_mounts(container).await.unwrap_or_default();
        Self { target, container, replaced }
    }

    /// The content of a file; `None` if there is no such file.
    pub(super) async fn read(&self, path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
        if let Some(entry) = self.live(path).await {
            return Ok(match entry {
                LiveEntry::File(content) => Some(content),
                LiveEntry::Missing | LiveEntry::Directory { .. } => None,
            });
        }
        // Only directories can be read as the processes have them.
        match path.parent().filter(|parent| self.is_replaced(parent)) {
            Some(parent) => content(self.open(parent).await, path).await,
            None => read_in(self.target.engine, &self.container.id, path).await,
        }
    }

    /// Whether a directory has a file that is not empty; `None` if there is no such directory.
    pub(super) async fn has_data(&self, directory: &Path) -> anyhow::Result<Option<bool>> {
        if let Some(entry) = self.live(directory).await {
            return Ok(match entry {
                LiveEntry::Directory { has_data } => Some(has_data),
                LiveEntry::File(content) => Some(!content.is_empty()),
                LiveEntry::Missing => None,
            });
        }
        let stream = match self.open(directory).await {
            Err(EngineError::NotFound { .. }) => return Ok(None),
            other => other.with_context(|| format!("`{}` cannot be read", directory.display()))?,
        };
        let found = pipe::consume(stream, &Silent, has_file).await?;
        found.map(Some).with_context(|| format!("`{}` cannot be read", directory.display()))
    }

    async fn live(&self, path: &Path) -> Option<LiveEntry> {
        let Self { target, container, .. } = self;
        if container.is_running() { target.engine.live_entry(&container.id, path).await } else { None }
    }

    async fn open(&self, directory: &Path) -> crate::engine::Result<ByteStream> {
        let Self { target, container, .. } = self;
        if self.is_replaced(directory) {
            target.engine.read_live_directory(&container.id, directory).await
        } else {
            target.engine.read_archive(&container.id, directory).await
        }
    }

    fn is_replaced(&self, directory: &Path) -> bool {
        self.replaced.iter().any(|mount| {
            directory.starts_with(&mount.destination) || mount.destination.starts_with(directory)
        })
    }
}

/// The beginning of a file of a container, as the engine has it; `None` if there is no such file.
pub async fn read_in(engine: &dyn Engine, container: &str, path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    content(engine.read_archive(container, path).await, path).await
}

async fn content(opened: crate::engine::Result<ByteStream>, path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let stream = match opened {
        Err(EngineError::NotFound { .. }) => return Ok(None),
        other => other.with_context(|| format!("`{}` cannot be read", path.display()))?,
    };
    let name = path.file_name().map(std::ffi::OsStr::to_owned).unwrap_or_default();
    let content =
        pipe::consume(stream, &Silent, move |archive| file_named(archive, Path::new(&name))).await?;
    content.with_context(|| format!("`{}` cannot be read", path.display()))
}

/// The first file of this name, wherever it is in the archive.
fn file_named(archive: impl std::io::Read, name: &Path) -> std::io::Result<Option<Vec<u8>>> {
    for entry in tar::Archive::new(archive).entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() && entry.path()?.ends_with(name) {
            let mut content = Vec::new();
            entry.take(MOST_OF_A_FILE).read_to_end(&mut content)?;
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// Whether an archive has a file that is not empty. Reads no further than the first one.
fn has_file(archive: impl std::io::Read) -> std::io::Result<bool> {
    for (count, entry) in tar::Archive::new(archive).entries()?.enumerate() {
        let entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_file() && entry.size() > 0 || kind.is_gnu_sparse() || count >= MANY_ENTRIES {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            let is_directory = path.ends_with('/');
            header.set_entry_type(if is_directory {
                tar::EntryType::Directory
            } else {
                tar::EntryType::Regular
            });
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            tar.append_data(&mut header, path, *content).expect("in memory");
        }
        tar.into_inner().expect("in memory")
    }

    #[test]
    fn only_a_file_with_content_is_data() {
        let has = |entries: &[(&str, &[u8])]| has_file(&archive(entries)[..]).expect("complete");
        assert!(!has(&[("data/", b"")]));
        assert!(!has(&[("data/", b""), ("data/lost+found/", b""), ("data/lock", b"")]));
        assert!(has(&[("data/", b""), ("data/lock", b""), ("data/PG_VERSION", b"17\n")]));
    }

    #[test]
    fn a_file_is_found_by_its_name() {
        let both = archive(&[("data/", b""), ("data/my-auto.cnf", b"1"), ("data/auto.cnf", b"2")]);
        let find = |name: &str| file_named(&both[..], Path::new(name)).expect("complete");
        assert_eq!(find("auto.cnf"), Some(b"2".to_vec()));
        assert_eq!(find("data"), None, "a directory is no file");
    }

    #[test]
    fn a_stream_that_ends_early_is_an_error_and_not_an_empty_store() {
        let whole = archive(&[("data/", b""), ("data/lock", b""), ("data/PG_VERSION", b"17\n")]);
        assert!(has_file(&whole[..700]).is_err());
    }
}
