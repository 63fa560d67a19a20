//! How our own files are written: JSON for people and programs.

use serde::Serialize;

/// Pretty-printed, with a line break at its end.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("maps of ours have strings as keys");
    bytes.push(b'\n');
    bytes
}

/// On one line, without a line break.
pub(crate) fn to_json_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps of ours have strings as keys")
}
