//! Serializes values to JSON files.

use serde::Serialize;

/// Pretty-printed, with a line break at the end.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("all maps have string keys");
    bytes.push(b'\n');
    bytes
}

/// On one line, without a line break at the end.
pub(crate) fn to_json_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("all maps have string keys")
}
