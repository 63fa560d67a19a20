//! Whether the labels of a project's containers tell as much as its files do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::engine::{Container, Volume};
use crate::env;
use crate::lint::{self, LintTarget, Outline};

/// Whether Compose need not be asked: it would accept the files, they have no settings, and every service and every volume
/// of theirs is known by a container. `volumes` are those with the project's label.
pub(super) fn are_told_by_labels<'a>(
    directory: &Path,
    files: &[PathBuf],
    containers: &[Container],
    volumes: impl Iterator<Item = &'a Volume>,
) -> bool {
    let of_services: Vec<&Container> =
        containers.iter().filter(|container| !container.is_one_off()).collect();
    let has_container: BTreeSet<&str> =
        of_services.iter().filter_map(|container| container.service()).collect();
    let mut volumes = volumes;
    let are_mounted =
        volumes.all(|volume| of_services.iter().any(|container| container.mounts_volume(&volume.name)));
    are_mounted
        && !files.is_empty()
        && outline(directory, files).is_some_and(|files| {
            !files.has_settings && files.services.iter().all(|name| has_container.contains(name.as_str()))
        })
}

fn outline(directory: &Path, files: &[PathBuf]) -> Option<Outline> {
    let target = LintTarget {
        files: files.to_vec(),
        directory: directory.to_owned(),
        env_files: vec![directory.join(".env")],
        stdin: None,
        complete: true,
    };
    lint::outline(&target, &env::variable)
}
