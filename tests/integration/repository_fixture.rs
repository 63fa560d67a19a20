//! Changes repositories behind the program's back, as other programs and versions would.

use std::path::Path;

use rustic_backend::BackendOptions;
use rustic_core::{Credentials, Repository, RepositoryOptions};

/// The backups in a repository become those of a newer program.
pub(crate) fn of_newer_version(location: &Path, password: &str) {
    let backends = BackendOptions::default().repository(location.to_string_lossy()).to_backends();
    let options = RepositoryOptions::default().no_cache(true);
    let repository = Repository::new(&options, &backends.expect("a directory")).expect("reached");
    let repository = repository.open(&Credentials::password(password)).expect("opened");
    let mut snapshots = repository.get_all_snapshots().expect("listed");
    let old: Vec<_> = snapshots.iter().map(|snapshot| snapshot.id).collect();
    for snapshot in &mut snapshots {
        let text = snapshot.description.as_mut().expect("a backup");
        *text = text.replacen("\"format_version\":1", "\"format_version\":99", 1);
    }
    repository.save_snapshots(snapshots).expect("saved");
    repository.delete_snapshots(&old).expect("removed");
}
