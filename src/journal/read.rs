//! Reads the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{CommandOutcome, FILE_NAME, FORMAT_VERSION, JournalEntry};
use crate::fs::{FsError, read_if_there};
use crate::process::ProcessIdentity;

/// The contents of a journal.
#[derive(Debug, Default)]
pub struct JournalContents {
    /// One for each run, by when it began, oldest first. Entries of older formats have been converted.
    pub entries: Vec<JournalEntry>,
    /// The numbers, from 1, of lines that are damaged or written by a newer program.
    pub unreadable: Vec<usize>,
    /// Whether a crash has truncated the last line.
    pub torn: bool,
}

impl JournalContents {
    /// The interrupted commands that have not been settled: no later command of the project and the engine was run.
    pub fn unsettled(&self) -> Vec<&JournalEntry> {
        let mut settled: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut unsettled = Vec::new();
        for entry in self.entries.iter().rev() {
            let of = (entry.project.as_str(), entry.engine.as_str());
            let is_open = entry.outcome == CommandOutcome::Interrupted && entry.ended.is_none();
            if is_open && !settled.contains(&of) {
                unsettled.push(entry);
            }
            if matches!(entry.outcome, CommandOutcome::Ran | CommandOutcome::RanWithoutBackup) {
                settled.insert(of);
            }
        }
        unsettled.reverse();
        unsettled
    }
}

/// Reads the journal; a missing journal is empty.
pub fn read(root: impl AsRef<Path>) -> Result<JournalContents, FsError> {
    let path = root.as_ref().join(FILE_NAME);
    Ok(read_if_there(&path)?.map_or_else(JournalContents::default, |bytes| parse(&bytes)))
}

pub(crate) fn parse(bytes: &[u8]) -> JournalContents {
    let mut contents = JournalContents::default();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    let is_terminated = bytes.last().is_none_or(|last| *last == b'\n');
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_slice::<JournalEntry>(line) {
            Ok(entry) if entry.format_version <= FORMAT_VERSION => {
                let entry = JournalEntry { format_version: FORMAT_VERSION, ..entry };
                match by_id.get(&entry.id) {
                    Some(begun) if !entry.id.is_empty() => contents.entries[*begun] = entry,
                    Some(_) | None => {
                        by_id.insert(entry.id.clone(), contents.entries.len());
                        contents.entries.push(entry);
                    }
                }
            }
            Err(_) if at + 1 == lines.len() && !is_terminated => contents.torn = true,
            Ok(_) | Err(_) => contents.unreadable.push(at + 1),
        }
    }
    for entry in &mut contents.entries {
        let runs = || entry.process.as_ref().is_some_and(ProcessIdentity::is_running);
        if entry.outcome == CommandOutcome::Began && !runs() {
            entry.outcome = CommandOutcome::Interrupted;
        }
        entry.process = None;
    }
    contents
}
