//! Reads the archives of a backup from disk to their end, and looks at what is in them.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::contents::{self, PlaceContents};
use super::copy::Archive;
use super::save::SavedArchive;
use super::sqlite::SqliteFiles;
use super::tar_summary::{self, TarSummary, Visitor};
use super::{archive_file, pipe, places};
use crate::backup::driver::DriverTarget;
use crate::backup::file_attributes::FileAttributes;
use crate::backup::manifest::{Artifact, ArtifactContents};
use crate::backup::sqlite::SqliteDatabase;
use crate::fs::{Digest, open_to_read_back};
use crate::progress::{Task, Unit};
use crate::units::{Bytes, count};

/// An archive that was read back.
pub(super) struct Copied {
    pub(super) artifact: Artifact,
    pub(super) summary: TarSummary,
    pub(super) target: PathBuf,
    /// It has a file that the program always has.
    pub(super) is_recognized: bool,
    pub(super) sqlite: Vec<SqliteDatabase>,
}

impl Copied {
    pub(super) fn contents(&self) -> PlaceContents {
        PlaceContents {
            target: self.target.clone(),
            is_empty: self.summary.is_empty(),
            is_recognized: self.is_recognized,
        }
    }
}

/// Reads every archive back to its end. By then, the containers that were held run again.
pub(super) async fn read_back(
    target: DriverTarget<'_>,
    archives: Vec<Archive<'_>>,
) -> anyhow::Result<Vec<Copied>> {
    let mut copied = Vec::new();
    for archive in archives {
        let shown = archive.place.target.display().to_string();
        copied.push(
            read_one_back(target, archive).await.with_context(|| format!("`{shown}` could not be copied"))?,
        );
    }
    Ok(copied)
}

async fn read_one_back(target: DriverTarget<'_>, archive: Archive<'_>) -> anyhow::Result<Copied> {
    let Archive { place, path, written, saved, sockets } = archive;
    let SavedArchive { bytes, digest, has_all_attributes } = saved;
    let shown = place.target.display().to_string();
    let task = target.progress.begin(&format!("reading back {shown}"), Unit::Bytes, Some(bytes));
    let marks = contents::program(target).map_or(&[][..], |program| program.files);
    let (task, read) = walk(written, task, marks).await?;
    anyhow::ensure!(read.digest == digest, "`{path}` does not read back as it was written");
    let summary = read.summary;
    anyhow::ensure!(
        !summary.has_staging,
        "`{shown}` contains the files of an interrupted restore; restore again to finish it"
    );
    task.finish(&format!(
        "copied {shown}: {} in {}",
        Bytes(summary.bytes),
        count(summary.entries + u64::from(summary.is_file), "file")
    ));
    let sqlite = check_databases(target, read.sqlite, &place.target).await?;
    let contents = ArtifactContents::Files {
        target: shown,
        source: places::source(place),
        attributes: Some(if has_all_attributes { FileAttributes::All } else { FileAttributes::Basic }),
        skipped_sockets: sockets.iter().map(|socket| socket.display().to_string()).collect(),
    };
    Ok(Copied {
        artifact: Artifact { path, bytes, sha256: digest.to_string(), contents },
        summary,
        target: place.target.clone(),
        is_recognized: read.is_recognized,
        sqlite,
    })
}

/// What an archive contains, as far as it was looked at while it was read back.
struct ReadBack {
    summary: TarSummary,
    digest: Digest,
    is_recognized: bool,
    sqlite: SqliteFiles,
}

/// Looks for files by their names, and for databases.
struct Look {
    names: &'static [&'static str],
    is_recognized: bool,
    sqlite: SqliteFiles,
}

impl Visitor for Look {
    fn enter(&mut self, path: &Path) {
        self.sqlite.enter(path);
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.sqlite.chunk(bytes);
    }

    fn leave(&mut self, item: tar_summary::Item<'_>) {
        self.is_recognized |= self.names.iter().any(|name| item.path.ends_with(name));
        self.sqlite.leave(item);
    }
}

/// Reads an archive back, and looks for these names in it.
async fn walk(
    file: PathBuf,
    task: Box<dyn Task>,
    names: &'static [&'static str],
) -> anyhow::Result<(Box<dyn Task>, ReadBack)> {
    pipe::blocking(move || {
        let mut reader = Hashing {
            inner: open_to_read_back(&file)?,
            digester: crate::fs::Digester::default(),
            task: task.as_ref(),
        };
        let mut unpacked = file.clone().into_os_string();
        unpacked.push(".sqlite");
        let sqlite = SqliteFiles::new(unpacked.into());
        let mut look = Look { names, is_recognized: false, sqlite };
        let summary = tar_summary::take_with(archive_file::decompress(&file, &mut reader)?, &mut look)
            .with_context(|| format!("`{}` cannot be read back", file.display()))?;
        let digest = reader.digester.finish();
        let Look { is_recognized, sqlite, .. } = look;
        Ok((task, ReadBack { summary, digest, is_recognized, sqlite }))
    })
    .await
}

/// Lets SQLite check the databases that were found in an archive.
async fn check_databases(
    target: DriverTarget<'_>,
    found: SqliteFiles,
    top: &Path,
) -> anyhow::Result<Vec<SqliteDatabase>> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let title = format!("checking the SQLite databases in {}", top.display());
    let task = target.progress.begin(&title, Unit::Bytes, None);
    let top = top.to_owned();
    let checked = pipe::blocking(move || Ok(found.check(&top))).await?;
    task.finish(&format!("checked {}", count(checked.len() as u64, "SQLite database")));
    Ok(checked)
}

/// Hashes and reports what is read through it.
struct Hashing<'a> {
    inner: File,
    digester: crate::fs::Digester,
    task: &'a dyn Task,
}

impl std::io::Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.digester.update(&buffer[..count]);
        self.task.advance(count as u64);
        Ok(count)
    }
}
