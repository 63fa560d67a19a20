//! Findings as JSON; the shape is documented in `docs/json.md`.

use serde_json::json;

use crate::lint::finding::{Finding, Severity};

/// Everything that was found, and how much of each severity.
pub fn json(findings: &[Finding]) -> serde_json::Value {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    json!({
        "format": "safe-compose-lint",
        "format_version": 1,
        "findings": findings,
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "infos": count(Severity::Info),
    })
}
