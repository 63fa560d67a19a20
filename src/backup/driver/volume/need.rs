//! How much space a backup will need, as far as that is known before the first byte.

use super::compressed_size;
use super::tree::{self, FileTree};
use super::unchanged;
use crate::backup::driver::DriverTarget;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::store::{Backup, Staging};
use crate::inventory::DataLocation;
use crate::settings::Compression;

/// Fails before anything is stopped or written if the disk has too little space.
pub(super) async fn ensure_space(
    target: DriverTarget<'_>,
    places: &[&DataLocation],
    previous: Option<&Backup>,
    into: &Staging,
) -> anyhow::Result<()> {
    let seen = tree::look(target, places).await;
    let is_same =
        |tree: &FileTree| previous.is_some_and(|previous| unchanged::find(places, tree, previous).is_some());
    let needed = match &seen {
        Some(tree) if is_same(tree) => 0,
        Some(tree) => of_files(tree.space, previous),
        // Where the files cannot be seen, it will be about as large as the previous one.
        None => previous.map_or(0, Backup::bytes),
    };
    let enough = into.ensure_space(needed);
    let is_first = !previous.is_some_and(tells_compression);
    match (&enough, &seen) {
        // Files are read for an estimate only where it decides. If it is too low, the copy stops before it uses the reserve.
        (Err(_), Some(tree)) if is_first && needed > 0 && into.compression() == Compression::Zstd => {
            match compressed_size::estimate(target, places, tree).await {
                Some(estimate) => Ok(into.ensure_space(estimate)?),
                None => Ok(enough?),
            }
        }
        (Ok(()) | Err(_), Some(_) | None) => Ok(enough?),
    }
}

/// Whether a backup shows how well the files compress.
fn tells_compression(backup: &Backup) -> bool {
    match backup.manifest.fingerprint {
        Fingerprint::Volume { bytes, .. } => bytes > 0,
        Fingerprint::Qdrant(_) | Fingerprint::Databases(_) => false,
    }
}

/// The size of the files, compressed as well as those of the previous backup were, and a tenth more.
fn of_files(space: u64, previous: Option<&Backup>) -> u64 {
    let (Some(previous), true) = (previous, space > 0) else { return space };
    let Fingerprint::Volume { bytes: content, .. } = previous.manifest.fingerprint else { return space };
    if content == 0 {
        return space;
    }
    let expected = u128::from(space) * u128::from(previous.bytes()) * 11 / (u128::from(content) * 10);
    u64::try_from(expected).unwrap_or(space).min(space)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::backup::manifest::tests::manifest;
    use crate::backup::manifest::{Artifact, ArtifactContents};

    fn previous(content: u64, archive: u64) -> Backup {
        let mut manifest = manifest("db", "2026-08-01T10:00:00Z");
        manifest.fingerprint = Fingerprint::Volume { entries: 1, bytes: content };
        manifest.artifacts = vec![Artifact {
            path: "data.tar.zst".into(),
            bytes: archive,
            sha256: String::new(),
            contents: ArtifactContents::Note,
        }];
        Backup {
            directory: PathBuf::new(),
            manifest,
            test_restore: None,
            is_pinned: false,
            is_offloaded: false,
        }
    }

    #[test]
    fn the_previous_backup_tells_how_well_the_files_compress() {
        assert_eq!(of_files(1000, None), 1000);
        assert_eq!(of_files(1000, Some(&previous(5000, 1000))), 220);
        assert_eq!(of_files(1000, Some(&previous(5000, 9000))), 1000, "never more than the files have");
        assert_eq!(of_files(1000, Some(&previous(0, 1000))), 1000);
        assert_eq!(of_files(0, Some(&previous(5000, 1000))), 0);
    }
}
