//! What a restore could not give to the files, for the user to know.

use super::archive_file;
use super::attributes::has_holes;
use super::pipe;
use super::planned_archive::PlannedArchive;
use super::switch::UnpackedBy;
use super::tar_entries;
use crate::backup::file_attributes::FileAttributes;
use crate::backup::manifest::ArtifactContents;
use crate::units::{Bytes, count};

/// Which attributes an archive has.
pub(super) fn attributes(archive: &PlannedArchive<'_>) -> Option<FileAttributes> {
    let ArtifactContents::Files { attributes, .. } = archive.artifact.contents else { return None };
    attributes
}

/// What is not as it was.
pub(super) async fn remarks(archive: &PlannedArchive<'_>, by: UnpackedBy) -> anyhow::Result<Vec<String>> {
    let shown = archive.place.target.display();
    Ok(match (attributes(archive), by) {
        (None, _) | (Some(FileAttributes::All), UnpackedBy::Host { without_attributes: 0 }) => Vec::new(),
        (Some(FileAttributes::Basic), _) => vec![format!(
            "ACLs and extended attributes other than capabilities were not restored, if files of `{shown}` had any: this user could not read them when the backup was made"
        )],
        (Some(FileAttributes::All), UnpackedBy::Host { without_attributes }) => vec![format!(
            "ACLs or extended attributes of {} in `{shown}` were not restored: the file system does not support them",
            count(without_attributes, "file")
        )],
        (Some(FileAttributes::All), UnpackedBy::Engine) => {
            let Lost { with_holes, bytes, early } = lost(archive).await?;
            let mut remarks = Vec::new();
            if with_holes > 0 {
                remarks.push(format!(
                    "files with holes in `{shown}` have all of their size on disk now ({}, {}): the engine makes no holes. A restore as root on the engine's machine does",
                    count(with_holes, "file"),
                    Bytes(bytes)
                ));
            }
            if early > 0 {
                remarks.push(format!(
                    "times before 1970 in `{shown}` are 1970-01-01 now ({}): the engine sets no earlier ones. A restore as root on the engine's machine does",
                    count(early, "file")
                ));
            }
            remarks
        }
    })
}

/// What the engine does not unpack.
#[derive(Default)]
struct Lost {
    with_holes: u64,
    /// The size of the files with holes.
    bytes: u64,
    /// Files from before 1970.
    early: u64,
}

async fn lost(archive: &PlannedArchive<'_>) -> anyhow::Result<Lost> {
    let file = archive.file.clone();
    pipe::blocking(move || {
        let mut lost = Lost::default();
        let walked = tar_entries::walk(archive_file::open(&file)?, |entry, _| {
            if has_holes(entry) {
                lost.with_holes += 1;
                lost.bytes += entry.size;
            }
            lost.early += u64::from(entry.mtime()?.seconds < 0);
            Ok::<(), std::io::Error>(())
        });
        anyhow::ensure!(walked.is_ok(), "`{}` cannot be read", file.display());
        Ok(lost)
    })
    .await
}
