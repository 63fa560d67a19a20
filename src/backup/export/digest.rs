//! The last line of an export: the SHA-256 of everything before it, which detects every change.
//!
//! `sed '$d' FILE | sha256sum` computes it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use crate::fs::Digest;

const KEY: &str = "\"sha256\":\"";
const HEX: usize = 64;

/// `"sha256":"…"}`, which ends the document too.
pub(super) fn of_document(digest: &Digest) -> String {
    format!("{KEY}{digest}\"}}\n")
}

/// `{"sha256":"…"}`.
pub(super) fn of_lines(digest: &Digest) -> String {
    format!("{{{KEY}{digest}\"}}\n")
}

/// The digest at the end of a document, and how many bytes it covers. Rewinds the file afterwards.
pub(super) fn find(file: &mut File) -> io::Result<Option<(u64, String)>> {
    let length = file.metadata()?.len();
    let last = (KEY.len() + HEX + "\"}\n".len()) as u64;
    let mut found = None;
    if length > last {
        file.seek(SeekFrom::Start(length - last - 1))?;
        let mut tail = vec![0; usize::try_from(last + 1).expect("it is short")];
        file.read_exact(&mut tail)?;
        found = std::str::from_utf8(&tail)
            .ok()
            .and_then(|tail| tail.strip_prefix('\n')?.strip_prefix(KEY)?.strip_suffix("\"}\n"))
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(|hex| (length - last, hex.to_owned()));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(found)
}

/// The digest in the last line of JSON Lines.
pub(super) fn in_line(line: &str) -> Option<&str> {
    let hex = line.strip_prefix('{')?.strip_prefix(KEY)?.strip_suffix("\"}\n")?;
    (hex.len() == HEX && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hex)
}
