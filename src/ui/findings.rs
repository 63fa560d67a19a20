//! Findings for people: what, where, the line itself with a caret, and what to do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use console::{Style, style};

use crate::lint::{Finding, Severity};

/// The longest line that is shown whole; longer ones are cut around the caret.
const WIDTH: usize = 160;

/// All findings, one after the other, and a line that counts them.
pub fn render(findings: &[Finding], texts: &BTreeMap<PathBuf, Arc<str>>) -> String {
    let mut out = String::new();
    for finding in findings {
        let text = texts.get(&finding.place.file).map_or("", |text| &**text);
        out.push_str(&one(finding, text));
    }
    out.push_str(&summary(findings));
    out
}

fn one(finding: &Finding, text: &str) -> String {
    let colour = match finding.severity {
        Severity::Error => Style::new().red().bold(),
        Severity::Warning => Style::new().yellow().bold(),
        Severity::Info => Style::new().blue().bold(),
    };
    let place = &finding.place;
    let margin = place.line.to_string().len();
    let bar = style("|").blue();
    let mut out = format!(
        "{}{}: {}\n{:margin$}{} {}:{}:{}\n",
        colour.apply_to(word(finding.severity)),
        style(format!("[{}]", finding.rule)).bold(),
        finding.message,
        "",
        style("-->").blue(),
        place.file.display(),
        place.line,
        place.column,
    );
    if let Some(line) = text.lines().nth(place.line - 1) {
        let (shown, before, length) = excerpt(line, finding);
        out.push_str(&format!("{:margin$} {bar}\n{} {bar} {shown}\n", "", style(place.line).blue()));
        out.push_str(&format!(
            "{:margin$} {bar} {}{}\n",
            "",
            " ".repeat(before),
            colour.apply_to("^".repeat(length))
        ));
    }
    if let Some(help) = &finding.help {
        out.push_str(&format!("{:margin$} {} {help}\n", "", style("= help:").blue()));
    }
    out.push('\n');
    out
}

/// The line as it is shown, and where the caret goes.
fn excerpt(line: &str, finding: &Finding) -> (String, usize, usize) {
    let place = &finding.place;
    let letters: Vec<char> =
        line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let first = (place.column - 1).min(letters.len());
    let end = if place.end_line == place.line { place.end_column - 1 } else { letters.len() };
    let end = end.clamp(first, letters.len());
    let length = (end - first).max(1);
    if letters.len() <= WIDTH {
        return (letters.iter().collect(), first, length);
    }
    let from = first.saturating_sub(WIDTH / 2);
    let to = (from + WIDTH).min(letters.len());
    (letters[from..to].iter().collect(), first - from, length.min(to - first).max(1))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn summary(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "No way to lose data was found.\n".to_owned();
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .filter(|severity| count(*severity) > 0)
        .map(|severity| {
            let noun = if severity == Severity::Info { "note" } else { word(severity) };
            crate::units::count(count(severity), noun)
        })
        .collect();
    format!("{}. `safe-compose lint --explain RULE` says more.\n", parts.join(", "))
}
