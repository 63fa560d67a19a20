//! The recipes of a Makefile: each line is a script, with the variables of make expanded.

use super::script::Script;
use crate::lint::scripts::mapped_text::MappedText;

mod variables;

use variables::MakeVariables;

/// A logical line, with the backslashes that join its lines.
struct LogicalLine<'a> {
    text: &'a str,
    at: usize,
}

pub(super) fn scripts(text: &str) -> Vec<Script> {
    let lines = logical_lines(text);
    let mut variables = MakeVariables::default();
    let mut recipes: Vec<MappedText> = Vec::new();
    let mut one_shell = false;
    let mut in_rule = false;
    // The index of the first recipe line of the current rule, for `.ONESHELL`.
    let mut of_rule: Option<usize> = None;
    let mut define: Option<(String, String)> = None;
    for line in &lines {
        if let Some((name, body)) = &mut define {
            if line.text.trim() == "endef" {
                variables.set_lines(name, body);
                define = None;
            } else {
                body.push_str(line.text);
            }
            continue;
        }
        if in_rule && line.text.starts_with('\t') {
            let mut recipe = MappedText::default();
            push_recipe(&line.text[1..], line.at + 1, &mut recipe);
            match of_rule.filter(|_| one_shell) {
                Some(first) if first < recipes.len() => recipes[first].push(&recipe),
                _ => {
                    of_rule = Some(recipes.len());
                    recipes.push(recipe);
                }
            }
            continue;
        }
        let code = without_comment(line.text);
        let bare = code.trim();
        if bare.is_empty() {
            continue;
        }
        if let Some(name) = bare.strip_prefix("define ") {
            let name = name.trim().trim_end_matches(['=', ':', '?']).trim();
            define = Some((name.to_owned(), String::new()));
        } else if variables.assign(code) {
            in_rule = false;
        } else if let Some(colon) = code.find(':') {
            one_shell |= bare.starts_with(".ONESHELL");
            in_rule = true;
            of_rule = None;
            if let Some(semicolon) = code[colon..].find(';').map(|at| colon + at + 1) {
                let mut recipe = MappedText::default();
                push_recipe(&line.text[semicolon..], line.at + semicolon, &mut recipe);
                of_rule = Some(recipes.len());
                recipes.push(recipe);
            }
        }
    }
    recipes.iter().map(|recipe| Script::new(without_prefixes(&variables.expand(recipe)))).collect()
}

/// Adds a line of a recipe. The tab at the start of a continued line is not part of it.
fn push_recipe(text: &str, at: usize, recipe: &mut MappedText) {
    let mut start = at;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let tab = usize::from(index > 0 && line.starts_with('\t'));
        recipe.push_from(&line[tab..], start + tab);
        start += line.len();
    }
}

/// Removes `@`, `-` and `+` before a command. Each line of a canned recipe may have its own.
fn without_prefixes(recipe: &MappedText) -> MappedText {
    let mut script = MappedText::default();
    let mut at = 0;
    let mut continued = false;
    for line in recipe.text().split_inclusive('\n') {
        let code = if continued { line } else { line.trim_start_matches(['@', '-', '+', ' ', '\t']) };
        script.push_part(recipe, at + line.len() - code.len()..at + line.len());
        at += line.len();
        continued = is_continued(line);
    }
    script
}

fn is_continued(line: &str) -> bool {
    let line = line.trim_end_matches(['\n', '\r']);
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

fn logical_lines(text: &str) -> Vec<LogicalLine<'_>> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if !is_continued(line) {
            lines.push(LogicalLine { text: &text[start..at], at: start });
            start = at;
        }
    }
    if start < at {
        lines.push(LogicalLine { text: &text[start..at], at: start });
    }
    lines
}

fn without_comment(line: &str) -> &str {
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        if byte == b'#' && !escaped {
            return &line[..at];
        }
        escaped = byte == b'\\' && !escaped;
    }
    line
}
