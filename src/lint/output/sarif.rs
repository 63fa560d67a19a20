//! Findings as SARIF 2.1.0 (OASIS, 27 March 2020), which code hosts and editors read.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};

use crate::lint::finding::{LintFinding, LintSeverity};
use crate::lint::rule::LintRule;

/// What is encoded in the path of a URI: everything but unreserved characters, sub-delimiters, `/` and `@`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');

/// A log of one run. `rules` are the rules that were run.
pub fn sarif(findings: &[LintFinding], rules: &[&LintRule]) -> Value {
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, rules)).collect();
    let descriptors: Vec<Value> = rules.iter().map(|rule| descriptor(rule)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "safe-compose",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": descriptors,
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn descriptor(rule: &LintRule) -> Value {
    let text = rule.explanation();
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary() },
        "help": { "text": text, "markdown": text },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(finding: &LintFinding, rules: &[&LintRule]) -> Value {
    let message = match &finding.help {
        Some(help) => format!("{}. {help}", finding.message),
        None => format!("{}.", finding.message),
    };
    let location = &finding.location;
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&location.file) },
                "region": {
                    "startLine": location.line,
                    "startColumn": location.column,
                    "endLine": location.end_line,
                    "endColumn": location.end_column,
                },
            },
        }],
    });
    if let Some(index) = rules.iter().position(|rule| rule.id == finding.rule) {
        result["ruleIndex"] = index.into();
    }
    if let Some(service) = &finding.service {
        result["locations"][0]["logicalLocations"] = json!([{ "name": service, "kind": "object" }]);
    }
    result
}

fn level(severity: LintSeverity) -> &'static str {
    match severity {
        LintSeverity::Error => "error",
        LintSeverity::Warning => "warning",
        LintSeverity::Info => "note",
    }
}

/// A path as a URI reference (RFC 3986). A relative path stays relative: the reader knows the root.
fn uri(path: &Path) -> String {
    let encoded = percent_encode(path.as_os_str().as_encoded_bytes(), RESERVED);
    if path.is_absolute() { format!("file://{encoded}") } else { encoded.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri(Path::new("a b/é:%.yml")), "a%20b/%C3%A9%3A%25.yml");
        assert_eq!(uri(Path::new("/a/b.yml")), "file:///a/b.yml");
    }
}
