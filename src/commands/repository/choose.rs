//! Which backups in a repository are meant.

use crate::backup::repository::RepositorySnapshot;

/// What was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    /// A backup or a backup set. Without it, the newest of each store.
    pub(super) name: Option<&'a str>,
    /// The store that the backups are of.
    pub(super) store: Option<&'a str>,
}

/// At most one backup of each store. `all` are those of the project, oldest first.
pub(super) fn choose(all: &[RepositorySnapshot], wanted: Wanted<'_>) -> Vec<RepositorySnapshot> {
    let name = wanted.name.filter(|name| *name != "latest");
    let mut chosen: Vec<RepositorySnapshot> = Vec::new();
    for one in all.iter().rev() {
        let stored = &one.stored;
        let is_meant = match name {
            Some(name) => stored.name == name || stored.set.as_deref() == Some(name),
            None => stored.can_be_latest(),
        };
        if is_meant
            && wanted.store.is_none_or(|store| stored.store == store)
            && chosen.iter().all(|known| known.stored.store != stored.store)
        {
            chosen.push(one.clone());
        }
    }
    chosen
}
