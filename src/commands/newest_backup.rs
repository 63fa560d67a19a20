//! The newest backup of one volume or directory. A service may have several, and an older backup of it need not contain all
//! of them.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::backup::manifest::{ArtifactContents, Manifest};
use crate::backup::store::{Backup, BackupRoot, Listing, StoreError};
use crate::engine::Volume;
use crate::inventory::LocationSource;
use crate::policy::Subject;

/// Finds the newest backups of many places, and reads what several of them need once. It knows the backups that were there
/// when it first needed them, so it is made for one step of a command.
pub(super) struct NewestBackups<'a> {
    root: &'a BackupRoot,
    latest: RefCell<BTreeMap<String, Option<Rc<Backup>>>>,
    of_store: RefCell<BTreeMap<String, Rc<Listing>>>,
    all: OnceCell<BTreeMap<String, Rc<Backup>>>,
}

impl<'a> NewestBackups<'a> {
    pub(super) fn new(root: &'a BackupRoot) -> Self {
        Self { root, latest: RefCell::default(), of_store: RefCell::default(), all: OnceCell::new() }
    }

    /// The newest normal backup of a store that contains what is mounted there.
    pub(super) fn of_location(
        &self,
        store: &str,
        source: &LocationSource,
    ) -> Result<Option<Rc<Backup>>, StoreError> {
        let latest = self.latest(store)?;
        if latest.as_ref().is_none_or(|backup| contains(&backup.manifest, source)) {
            return Ok(latest);
        }
        let is_one = |backup: &&Backup| backup.can_be_latest() && contains(&backup.manifest, source);
        Ok(self.list(store)?.backups.iter().find(is_one).cloned().map(Rc::new))
    }

    /// The newest backup of a store that contains what is mounted there, where none is a normal one that could be restored
    /// without its name.
    pub(super) fn marked_of_location(
        &self,
        store: &str,
        source: &LocationSource,
    ) -> Result<Option<Backup>, StoreError> {
        let listing = self.list(store)?;
        Ok(listing.backups.iter().find(|backup| contains(&backup.manifest, source)).cloned())
    }

    /// The newest normal backup of any store that contains a volume. With only volumes left, nothing on the engine tells
    /// which store it is of.
    pub(super) fn of_volume(&self, volume: &str) -> Result<Option<Rc<Backup>>, StoreError> {
        let all = if let Some(all) = self.all.get() {
            all
        } else {
            let all = by_volume(self.root.list(None)?.backups);
            self.all.get_or_init(|| all)
        };
        Ok(all.get(volume).cloned())
    }

    /// What is in the directory of a store.
    pub(super) fn list(&self, store: &str) -> Result<Rc<Listing>, StoreError> {
        if let Some(known) = self.of_store.borrow().get(store) {
            return Ok(Rc::clone(known));
        }
        let listing = Rc::new(self.root.list(Some(store))?);
        self.of_store.borrow_mut().insert(store.to_owned(), Rc::clone(&listing));
        Ok(listing)
    }

    fn latest(&self, store: &str) -> Result<Option<Rc<Backup>>, StoreError> {
        if let Some(known) = self.latest.borrow().get(store) {
            return Ok(known.clone());
        }
        let latest = self.root.latest(store)?.map(Rc::new);
        self.latest.borrow_mut().insert(store.to_owned(), latest.clone());
        Ok(latest)
    }
}

/// The newest normal backup of each volume, of backups that are sorted newest first.
fn by_volume(newest_first: Vec<Backup>) -> BTreeMap<String, Rc<Backup>> {
    let mut found = BTreeMap::new();
    for backup in newest_first.into_iter().filter(Backup::can_be_latest) {
        let backup = Rc::new(backup);
        let manifest = &backup.manifest;
        let seen = manifest.evidence.iter().flat_map(|evidence| evidence.volumes.keys().map(String::as_str));
        let copied = manifest.artifacts.iter().filter_map(|artifact| match &artifact.contents {
            ArtifactContents::Files { source, .. } => LocationSource::volume_in(source),
            _ => None,
        });
        for volume in seen.chain(copied) {
            found.entry(volume.to_owned()).or_insert_with(|| Rc::clone(&backup));
        }
    }
    found
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
            NewestBackups::new(&root)
                .of_location("db", &volume(name))
                .expect("listed")
                .map(|backup| backup.manifest.created.to_string())
        };
        assert_eq!(newest("shop_one").as_deref(), Some("2026-08-02T10:00:00Z"));
        assert_eq!(newest("shop_two").as_deref(), Some("2026-08-01T10:00:00Z"));
        assert_eq!(newest("shop_three"), None);
        let marked =
            |name: &str| NewestBackups::new(&root).marked_of_location("db", &volume(name)).expect("listed");
        assert!(marked("shop_two").is_some() && marked("shop_three").is_none());
        let newest = NewestBackups::new(&root);
        let of_volume = |name: &str| newest.of_volume(name).expect("listed").map(|backup| backup.name());
        assert_eq!(of_volume("shop_one").as_deref(), Some("db_backup_20260802_100000"));
        assert_eq!(of_volume("shop_two").as_deref(), Some("db_backup_20260801_100000"));
        assert_eq!(of_volume("shop_three"), None);
    }
}
