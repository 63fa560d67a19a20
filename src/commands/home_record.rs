//! Where projects were, in the user's directory for state: after `down` no container shows it, and `-p NAME` in another
//! directory, or `--all`, has to find the settings and the backups of the project.
//!
//! A record is a hint: it counts only while its directory exists, and the labels of containers count more.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::command_context::CommandContext;
use super::mode::Apply;
use crate::engine::Identity;
use crate::fs::{FsError, create_private_dir_all, to_json, write_atomically};

const FILE_NAME: &str = "home.json";
const FORMAT_VERSION: u32 = 1;

/// The file of one project: engines may have different projects of one name.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct HomeRecords {
    format_version: u32,
    homes: Vec<RecordedHome>,
}

/// The directory of a project on one engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordedHome {
    /// The engine's id.
    pub(super) engine: String,
    pub(super) directory: PathBuf,
    /// The files that Compose reads, in their order.
    pub(super) files: Vec<PathBuf>,
}

/// Records where a project is.
pub(super) fn write(
    command: &CommandContext,
    name: &str,
    home: RecordedHome,
    _: Apply,
) -> Result<(), FsError> {
    let Some(file) = file(command, name) else { return Ok(()) };
    let mut records = read(&file).unwrap_or_default();
    if records.homes.contains(&home) {
        return Ok(());
    }
    records.format_version = FORMAT_VERSION;
    records.homes.retain(|known| known.engine != home.engine);
    records.homes.push(home);
    create_private_dir_all(file.parent().unwrap_or(Path::new("/")))?;
    write_atomically(&file, &to_json(&records), 0o600)
}

/// The recorded directory of a project, if it exists.
pub(super) fn recall(command: &CommandContext, name: &str, engine: &Identity) -> Option<RecordedHome> {
    let records = read(&file(command, name)?)?;
    let mut homes = records.homes.into_iter();
    homes.find(|home| home.engine == engine.id && home.directory.is_dir())
}

/// The directory for what is known of a project beside its own: below the user's directory for state.
pub(super) fn state_directory(command: &CommandContext, name: &str) -> Option<PathBuf> {
    let of_user = command.env.state_directory()?;
    Some(of_user.join("safe-compose").join(name))
}

fn file(command: &CommandContext, name: &str) -> Option<PathBuf> {
    Some(state_directory(command, name)?.join(FILE_NAME))
}

/// A record that cannot be read, or that a newer program wrote, counts as none.
fn read(file: &Path) -> Option<HomeRecords> {
    let records: HomeRecords = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    (records.format_version <= FORMAT_VERSION).then_some(records)
}
