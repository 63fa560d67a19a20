//! The newest backup of a store, without reading the older ones: their names contain their age.

use std::path::{Path, PathBuf};

use super::root::entries;
use super::{Backup, BackupRoot, Name, Result};

impl BackupRoot {
    /// The newest readable backup of a store: its own, or one of the cluster that it is a node of.
    pub fn latest(&self, store: &str) -> Result<Option<Backup>> {
        let own = self.of_store(store)?;
        let mut names = if own.exists() { names(&own)? } else { Vec::new() };
        // Problems with the directories of other stores do not matter here.
        for other in self.entries()?.iter().map(std::fs::DirEntry::path).filter(|path| *path != own) {
            names.extend(self::names(&other).unwrap_or_default());
        }
        names.sort_by_key(|(name, _)| std::cmp::Reverse((name.time(), name.store() == store)));
        Ok(names.into_iter().find_map(|(name, path)| {
            let backup = Backup::load(&path).ok()?;
            let of_cluster = backup.manifest.cluster.iter().any(|node| node == store);
            (name.store() == store || of_cluster).then_some(backup)
        }))
    }
}

/// The names of the backups in the directory of a store.
fn names(directory: &Path) -> Result<Vec<(Name, PathBuf)>> {
    let of_store = |name: &Name| directory.file_name().is_some_and(|store| store == name.store());
    let named = entries(directory)?.into_iter().filter_map(|entry| {
        let name = Name::parse(&entry.file_name().to_string_lossy()).filter(of_store)?;
        Some((name, entry.path()))
    });
    Ok(named.collect())
}
