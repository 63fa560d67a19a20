//! JSON Lines, read line by line: the header, then for each collection its own line, its points, and their count.

use std::io::{BufRead, Read as _};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::json::{CollectionDraft, ExportDraft, OnPoint};
use super::{ExportError, digest};
use crate::fs::Digester;
use crate::units::Bytes;

/// The longest line, and the most that all collections may have: twice what a server takes in one request. A small compressed
/// file can have lines without end.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The types of lines, which differ in their key.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    collection: Option<Map<String, Value>>,
    #[serde(default)]
    count: Option<u64>,
}

/// Reads all lines. If the last line has a digest, returns it together with the digest of the file.
pub(super) fn read(
    mut reader: impl BufRead,
    on_point: &mut OnPoint<'_>,
) -> Result<(ExportDraft, Option<(String, String)>), ExportError> {
    let mut draft = ExportDraft::default();
    let mut digester = Digester::default();
    let mut line = String::new();
    let (mut is_first, mut is_open) = (true, false);
    // The length of the lines that are kept.
    let mut kept = 0;
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => ExportError::Cut,
        _ => ExportError::Malformed(error.to_string()),
    };
    loop {
        line.clear();
        if (&mut reader).take(LONGEST + 1).read_line(&mut line).map_err(unreadable)? == 0 {
            return if is_open { Err(ExportError::Cut) } else { Ok((draft, None)) };
        }
        if line.len() as u64 > LONGEST {
            return Err(too_long("it has a line that is"));
        }
        if let Some(said) = digest::in_line(&line) {
            let said = said.to_owned();
            if is_open || reader.read_line(&mut line).map_err(unreadable)? != 0 {
                return Err(ExportError::Malformed(
                    "it has data after its end, or ends inside a collection".to_owned(),
                ));
            }
            return Ok((draft, Some((said, digester.finish().to_string()))));
        }
        digester.update(line.as_bytes());
        let text = line.trim_end();
        if text.is_empty() {
            continue;
        }
        if std::mem::take(&mut is_first) {
            let head: Map<String, Value> = serde_json::from_str(text)?;
            if !head.contains_key("collection") {
                draft.fields = head;
                continue;
            }
        }
        let found: Line<'_> = serde_json::from_str(text)?;
        let number = draft.collections.len();
        match (found, draft.collections.last_mut().filter(|_| is_open)) {
            (Line { id: Some(_), .. }, Some(collection)) => {
                collection.points += 1;
                on_point(number - 1, text)?;
            }
            (Line { count: Some(count), .. }, Some(collection)) => {
                collection.fields.insert("count".to_owned(), count.into());
                is_open = false;
            }
            (Line { collection: Some(fields), .. }, None) => {
                kept += text.len() as u64;
                if kept > LONGEST {
                    return Err(too_long("its collections without their points are"));
                }
                draft.collections.push(CollectionDraft { fields, points: 0 });
                is_open = true;
            }
            _ => {
                return Err(ExportError::Malformed("its lines are not in the order of an export".to_owned()));
            }
        }
    }
}

fn too_long(what: &str) -> ExportError {
    ExportError::Malformed(format!("{what} longer than {}", Bytes(LONGEST)))
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufReader};

    use super::*;

    fn error(reader: impl io::Read) -> String {
        read(BufReader::new(reader), &mut |_, _| Ok(())).expect_err("it is too long").to_string()
    }

    #[test]
    fn memory_is_bounded() {
        let one_line = error(io::repeat(b'x').take(2 * LONGEST));
        assert!(one_line.contains("it has a line that is longer than"), "{one_line}");
        let collection =
            format!("{{\"collection\":{{\"a\":\"{}\"}}}}\n{{\"count\":0}}\n", "x".repeat(1 << 20));
        let many = error(io::Cursor::new(collection.repeat(65)));
        assert!(many.contains("its collections without their points are longer than"), "{many}");
    }
}
