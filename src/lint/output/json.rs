//! Findings as JSON; the shape is documented in `docs/json.md`.

use serde_json::json;

use crate::lint::finding::{LintFinding, LintSeverity};

/// All findings, and their number by severity.
pub fn json(findings: &[LintFinding]) -> serde_json::Value {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    json!({
        "format": "safe-compose-lint",
        "format_version": 2,
        "findings": findings,
        "errors": count(LintSeverity::Error),
        "warnings": count(LintSeverity::Warning),
        "infos": count(LintSeverity::Info),
    })
}
