//! The recipes of a justfile: each line is a script, or all of them are one if the recipe starts with `#!`.

use std::collections::HashMap;

use super::script::Script;
use super::template;
use crate::lint::scripts::kind::ScriptKind;
use crate::lint::scripts::mapped_text::MappedText;

pub(super) fn scripts(text: &str) -> Vec<Script> {
    let mut values = HashMap::new();
    let mut scripts = Vec::new();
    let mut recipe: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let indented = line.starts_with([' ', '\t']);
        if indented || line.trim().is_empty() {
            recipe.push((start, line));
            continue;
        }
        flush(&mut recipe, &mut scripts);
        if let Some((name, value)) = line.split_once(":=") {
            let name = name.trim().trim_start_matches("export ").trim();
            let value_at = start + (line.len() - value.len());
            value_of(name, value, value_at, &mut values, &mut scripts);
        }
    }
    flush(&mut recipe, &mut scripts);
    for script in &mut scripts {
        script.text = template::fill(&script.text, &values);
    }
    scripts
}

fn flush(recipe: &mut Vec<(usize, &str)>, scripts: &mut Vec<Script>) {
    let lines = std::mem::take(recipe);
    let Some((_, first)) = lines.iter().find(|(_, line)| !line.trim().is_empty()) else { return };
    let shebang = first.trim_start();
    if shebang.starts_with("#!") {
        if ScriptKind::of_text(shebang) == Some(ScriptKind::Shell) {
            let mut text = MappedText::default();
            for (start, line) in lines {
                // The end of a here-document must be at the start of its line.
                let code = line.trim_start_matches([' ', '\t']);
                text.push_from(code, start + line.len() - code.len());
            }
            scripts.push(Script::new(text));
        }
        return;
    }
    let mut text = MappedText::default();
    for (start, line) in lines {
        let code = if text.is_empty() { line.trim_start_matches([' ', '\t', '@', '-']) } else { line };
        text.push_from(code, start + line.len() - code.len());
        if !line.trim_end_matches(['\r', '\n']).ends_with('\\') {
            scripts.push(Script::new(std::mem::take(&mut text)));
        }
    }
    scripts.push(Script::new(text));
}

/// Reads an assignment: of a literal, which is a value, or of the output of a command, which is a script.
fn value_of(
    name: &str,
    value: &str,
    at: usize,
    values: &mut HashMap<String, String>,
    scripts: &mut Vec<Script>,
) {
    let code = value.trim_start();
    let at = at + value.len() - code.len();
    let quoted = |quote: char| {
        let inner = code.strip_prefix(quote)?;
        let (inner, after) = inner.split_once(quote)?;
        let alone = after.trim().is_empty() || after.trim_start().starts_with('#');
        alone.then_some(inner)
    };
    if let Some(text) = quoted('"').or_else(|| quoted('\'')) {
        values.insert(name.to_owned(), text.to_owned());
    } else if let Some(command) = quoted('`') {
        let mut text = MappedText::default();
        text.push_from(command, at + 1);
        scripts.push(Script::new(text));
    }
}
