//! Movers of the engine in memory: their program is carried out here.

use std::path::{Path, PathBuf};

use super::state::{EngineState, missing};
use crate::engine::own_image::{INCOMPLETE, MoveList, Operation};
use crate::engine::{Container, EngineError, HELPER_LABEL, Mount, MountSource, Mover, MoverSource, Result};

/// The exit code for a path that cannot be renamed across file systems (`EXDEV`).
const OTHER_FILE_SYSTEM: i64 = 18;

pub(super) fn create(state: &mut EngineState, mover: &Mover) -> Result<String> {
    let source = match &mover.source {
        MoverSource::Volume(name) => {
            if !state.volumes.iter().any(|volume| volume.name == *name) {
                return Err(missing(format!("volume `{name}`")));
            }
            let (driver, anonymous, inherited) = ("local".to_owned(), false, false);
            MountSource::Volume { name: name.clone(), driver, anonymous, inherited }
        }
        MoverSource::Directory(path) => MountSource::Bind { path: path.clone() },
    };
    let mount = Mount { source, destination: mover.mount_point.clone(), read_only: false, subpath: None };
    let container = state.new_helper(&mover.image, vec![mount])?;
    container.user = String::new();
    container.command = vec![mover.list.display().to_string()];
    Ok(container.id.clone())
}

pub(super) fn run(state: &mut EngineState, id: &str) -> Result<i64> {
    let container = state.container(id)?.clone();
    if !container.labels.contains_key(HELPER_LABEL) {
        return Err(EngineError::Refused {
            action: format!("start container `{id}`"),
            source: anyhow::anyhow!("not a helper container of safe-compose"),
        });
    }
    let list = container.command.first().map(PathBuf::from).unwrap_or_default();
    let (owner, below) = EngineState::owner(&container, &list);
    let bytes = state.files.get(&owner).and_then(|files| files.get(&below)).cloned().unwrap_or_default();
    let Some(operations) = MoveList::parse(&bytes) else { return Ok(INCOMPLETE) };
    for operation in operations {
        match operation {
            Operation::Rename { from, to } => {
                if !rename(state, &container, from, to) {
                    return Ok(OTHER_FILE_SYSTEM);
                }
            }
            Operation::RemoveFile(path) => {
                let (owner, below) = EngineState::owner(&container, path);
                state.files.entry(owner).or_default().remove(&below);
            }
            // It has no directories, only paths.
            Operation::RemoveDirectory(_) => {}
        }
    }
    Ok(0)
}

/// Renames a file or a directory, unless the new path exists. `false` across file systems.
fn rename(state: &mut EngineState, container: &Container, from: &Path, to: &Path) -> bool {
    let (owner, from) = EngineState::owner(container, from);
    let (other, to) = EngineState::owner(container, to);
    if owner != other {
        return false;
    }
    let files = state.files.entry(owner).or_default();
    if files.keys().any(|path| path.starts_with(&to)) {
        return true;
    }
    let moved: Vec<PathBuf> = files.keys().filter(|path| path.starts_with(&from)).cloned().collect();
    for path in moved {
        let rest = path.strip_prefix(&from).expect("filtered").to_owned();
        let content = files.remove(&path).expect("listed");
        files.insert(if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) }, content);
    }
    true
}
