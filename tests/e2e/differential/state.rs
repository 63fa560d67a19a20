//! What a command leaves behind: containers, volumes, networks and images of the project, and the files in its directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::oracle::engine;
use crate::oracle::trial::Trial;

/// Whether the backup directory, in which safe-compose keeps what it has recorded of a project, counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnRecords {
    Compared,
    Ignored,
}

/// One line for each thing.
pub(super) fn of(trial: &Trial, own: OwnRecords) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let filter = engine::filters("name", &trial.project);
    let list = |value: Value| value.as_array().cloned().unwrap_or_default();
    for one in list(engine::get(&format!("/containers/json?all=1&{filter}")).expect("a list")) {
        all.insert(format!("container {} {} {} {}", one["Names"], one["Id"], one["State"], one["ImageID"]));
    }
    for one in list(engine::get(&format!("/volumes?{filter}")).expect("a list")["Volumes"].take()) {
        all.insert(format!("volume {} {}", one["Name"], one["CreatedAt"]));
    }
    for one in list(engine::get(&format!("/networks?{filter}")).expect("a list")) {
        all.insert(format!("network {} {}", one["Name"], one["Id"]));
    }
    for image in list(engine::get("/images/json").expect("a list")) {
        for tag in list(image["RepoTags"].clone()).iter().filter_map(Value::as_str) {
            if tag.contains(&trial.project) {
                all.insert(format!("image {tag}"));
            }
        }
    }
    files(&trial.directory(), &trial.directory(), &mut all);
    if own == OwnRecords::Ignored {
        all.retain(|one| one != "directory backups" && !one.contains(" backups/"));
    }
    all
}

/// The size and not the content: an archive has the time of the run in it.
fn files(root: &Path, below: &Path, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(below).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("below").display().to_string();
        let status = path.symlink_metadata().expect("it is there");
        if status.is_dir() {
            all.insert(format!("directory {name}"));
            files(root, &path, all);
        } else {
            all.insert(format!("file {name} {}", status.len()));
        }
    }
}
