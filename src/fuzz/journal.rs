//! The journal.

use crate::fs::to_json_line;
use crate::journal::{JournalContents, parse, redact};

pub(super) fn run(bytes: &[u8]) {
    let contents = parse(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(contents.unreadable.iter().all(|line| (1..=lines).contains(line)), "{:?}", contents.unreadable);
    let _ = contents.unsettled().len();
    for entry in &contents.entries {
        let cleaned = redact(&entry.command);
        assert_eq!(redact(&cleaned), cleaned, "what was cleaned stays as it is");
    }
    // Written again it is read the same.
    let written: Vec<String> = contents.entries.iter().map(|entry| to_json_line(entry) + "\n").collect();
    let JournalContents { entries, unreadable, torn } = parse(written.concat().as_bytes());
    assert_eq!(entries, contents.entries);
    assert!(unreadable.is_empty() && !torn);
}
