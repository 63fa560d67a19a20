//! The newest backup of one volume or directory. A service may have several, and an older backup of it need not contain all
//! of them.

use crate::backup::manifest::{ArtifactContents, Manifest};
use crate::backup::store::{Backup, BackupRoot, StoreError};
use crate::engine::Volume;
use crate::inventory::LocationSource;
use crate::policy::Subject;

/// The newest normal backup of a store that contains what is mounted there.
pub(super) fn of_location(
    root: &BackupRoot,
    store: &str,
    source: &LocationSource,
) -> Result<Option<Backup>, StoreError> {
    let latest = root.latest(store)?;
    if latest.as_ref().is_none_or(|backup| contains(&backup.manifest, source)) {
        return Ok(latest);
    }
    let is_one = |backup: &Backup| backup.can_be_latest() && contains(&backup.manifest, source);
    Ok(root.list(Some(store))?.backups.into_iter().find(is_one))
}

/// The newest backup of a store that contains what is mounted there, where none is a normal one that could be restored
/// without its name.
pub(super) fn marked_of_location(
    root: &BackupRoot,
    store: &str,
    source: &LocationSource,
) -> Result<Option<Backup>, StoreError> {
    let all = root.list(Some(store))?.backups;
    Ok(all.into_iter().find(|backup| contains(&backup.manifest, source)))
}

/// The newest normal backup of any store that contains a volume. With only volumes left, nothing on the engine tells which
/// store it is of.
pub(super) fn of_volume(root: &BackupRoot, volume: &str) -> Result<Option<Backup>, StoreError> {
    let source = LocationSource::Volume { name: Some(volume.to_owned()), anonymous: false }.to_string();
    let has_volume = |manifest: &Manifest| {
        manifest.evidence.as_ref().is_some_and(|evidence| evidence.volumes.contains_key(volume))
            || manifest.artifacts.iter().any(|artifact| {
                matches!(&artifact.contents, ArtifactContents::Files { source: found, .. } if *found == source)
            })
    };
    let is_one = |backup: &Backup| backup.can_be_latest() && has_volume(&backup.manifest);
    Ok(root.list(None)?.backups.into_iter().find(is_one))
}

/// The name of the backups of a volume that no known service keeps data in.
pub(super) fn id_of_volume(volume: &Volume) -> String {
    format!("volume-{}", volume.compose_key().unwrap_or(&volume.name))
}

/// What the data of a plan is mounted from, as a store has it.
pub(super) fn source_of(subject: &Subject) -> Option<LocationSource> {
    match subject {
        Subject::Volume { name, anonymous, .. } => {
            Some(LocationSource::Volume { name: Some(name.clone()), anonymous: *anonymous })
        }
        Subject::Directory { path } => Some(LocationSource::Bind { path: path.into() }),
        Subject::Layer { .. } => Some(LocationSource::Layer),
        Subject::Tmpfs { .. }
        | Subject::Collection { .. }
        | Subject::Image { .. }
        | Subject::Service { .. } => None,
    }
}

/// A backup of files names what each archive is from. One of a server has all of its data.
fn contains(manifest: &Manifest, source: &LocationSource) -> bool {
    let wanted = source.to_string();
    let mut files = manifest.artifacts.iter().filter_map(|artifact| match &artifact.contents {
        ArtifactContents::Files { source, .. } => Some(source),
        _ => None,
    });
    let Some(first) = files.next() else { return true };
    *first == wanted || files.any(|source| *source == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::manifest::tests::manifest;

    fn volume(name: &str) -> LocationSource {
        LocationSource::Volume { name: Some(name.into()), anonymous: false }
    }

    fn save(root: &BackupRoot, time: &str, volumes: &[&str]) {
        let mut manifest = manifest("db", time);
        let staging = root.stage("db", manifest.created).expect("staged");
        for name in volumes {
            let contents = ArtifactContents::Files {
                target: format!("/{name}"),
                source: volume(name).to_string(),
                attributes: None,
                skipped_sockets: Vec::new(),
            };
            let artifact = staging.write(&format!("{name}.tar"), name.as_bytes(), contents);
            manifest.artifacts.push(artifact.expect("written"));
        }
        staging.finish(manifest).expect("finished");
    }

    #[test]
    fn a_volume_has_the_age_of_the_backup_that_contains_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::at(dir.path());
        save(&root, "2026-08-01T10:00:00Z", &["shop_one", "shop_two"]);
        save(&root, "2026-08-02T10:00:00Z", &["shop_one"]);
        let newest = |name: &str| {
            of_location(&root, "db", &volume(name))
                .expect("listed")
                .map(|backup| backup.manifest.created.to_string())
        };
        assert_eq!(newest("shop_one").as_deref(), Some("2026-08-02T10:00:00Z"));
        assert_eq!(newest("shop_two").as_deref(), Some("2026-08-01T10:00:00Z"));
        assert_eq!(newest("shop_three"), None);
        let marked = |name: &str| marked_of_location(&root, "db", &volume(name)).expect("listed");
        assert!(marked("shop_two").is_some() && marked("shop_three").is_none());
        let of_volume = |name: &str| of_volume(&root, name).expect("listed").map(|backup| backup.name());
        assert_eq!(of_volume("shop_one").as_deref(), Some("db_backup_20260802_100000"));
        assert_eq!(of_volume("shop_two").as_deref(), Some("db_backup_20260801_100000"));
        assert_eq!(of_volume("shop_three"), None);
    }
}
