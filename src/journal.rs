//! `journal.jsonl` in the backup directory: the commands that affected data.
//!
//! A command that acts has two lines with the same id: one is written before it begins, one when it has ended. So a command
//! that was killed is known. Append-only; each line is a single write and is synced, so that a crash can truncate the last
//! line only. Secrets are removed from commands before they are written.

use std::ffi::OsString;
use std::path::Path;

use jiff::Timestamp;

use crate::fs::{FsError, append_line, create_ignored_dir_all, to_json_line};

mod entry;
mod read;
mod redact;
mod undo;

pub use entry::{CommandOutcome, JournalEntry};
#[cfg(any(test, feature = "internals"))]
pub(crate) use read::parse;
pub use read::{JournalContents, read};
pub use redact::redact;
pub use undo::{NoBackup, RecordedImage, RecordedLoss, UndoRecord};

/// The file name.
pub const FILE_NAME: &str = "journal.jsonl";

/// The format version of the lines that this program writes, and the newest that it reads.
///
/// Version 1 had `words` for `command` and `exit` for `exit_code`. Since version 3, a command has a line before it begins.
pub const FORMAT_VERSION: u32 = 3;

/// Appends an entry to the journal in the backup directory, which is created if needed.
pub fn append(root: impl AsRef<Path>, entry: &JournalEntry) -> Result<(), FsError> {
    create_ignored_dir_all(root.as_ref())?;
    append_line(&root.as_ref().join(FILE_NAME), &to_json_line(entry))
}

/// Appends an entry if there is a journal: what was refused leaves no files where there were none.
pub fn append_to_existing(root: impl AsRef<Path>, entry: &JournalEntry) -> Result<(), FsError> {
    let path = root.as_ref().join(FILE_NAME);
    if path.is_file() { append_line(&path, &to_json_line(entry)) } else { Ok(()) }
}

/// A name for a run that no other run has.
fn new_id(time: Timestamp) -> String {
    format!("{:x}-{:x}", time.as_nanosecond(), std::process::id())
}

/// The words of a command line, without secrets.
fn redacted(words: &[OsString]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    redact(&words)
}
