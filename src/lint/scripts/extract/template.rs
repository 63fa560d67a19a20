//! Templates `{{ NAME }}`, which just and Task expand before the shell reads a script.

use std::collections::HashMap;

use crate::lint::scripts::mapped_text::{MappedText, UNKNOWN};

/// Replaces the templates with their values, or with [`UNKNOWN`].
pub(super) fn fill(script: &MappedText, values: &HashMap<String, String>) -> MappedText {
    let text = script.text();
    let mut filled = MappedText::default();
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|open| at + open) {
        let Some(close) = text[open..].find("}}").map(|close| open + close) else { break };
        filled.push_part(script, at..open);
        let name = text[open + 2..close].trim().trim_start_matches('.');
        let mut buffer = [0; 4];
        let value = values.get(name).map_or_else(|| &*UNKNOWN.encode_utf8(&mut buffer), String::as_str);
        filled.push_for(value, script.from(open), script.to(close + 2));
        at = close + 2;
    }
    filled.push_part(script, at..text.len());
    filled
}
