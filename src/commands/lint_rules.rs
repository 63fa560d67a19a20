//! `safe-compose lint --rules` and `--explain`: the catalogue of rules.

use serde_json::json;

use super::format;
use crate::cli::LintFormat;
use crate::error::Failure;
use crate::exit::Exit;
use crate::lint::rules;
use crate::ui::Ui;

/// Explains one rule.
pub(super) fn explain(ui: &Ui, id: &str, format: LintFormat) -> Result<Exit, Failure> {
    let Some(rule) = rules::find(id) else {
        return Err(Failure::new(Exit::Usage, format!("there is no rule `{id}`"))
            .say("Run `safe-compose lint --rules` to list the rules."));
    };
    match format {
        LintFormat::Json | LintFormat::Sarif => ui.result(super::format::json(&json!({
            "id": rule.id,
            "severity": rule.severity,
            "summary": rule.summary(),
            "explanation": rule.explanation(),
        }))),
        LintFormat::Text | LintFormat::Github => {
            ui.result(format!("# {} ({})\n\n{}", rule.id, rule.severity.name(), rule.explanation()));
        }
    }
    Ok(Exit::Success)
}

/// Lists every rule: those for Compose files, then those for scripts.
pub(super) fn list(ui: &Ui, format: LintFormat) {
    match format {
        LintFormat::Json | LintFormat::Sarif => {
            let all: Vec<_> = rules::all()
                .map(|rule| json!({ "id": rule.id, "severity": rule.severity, "summary": rule.summary() }))
                .collect();
            ui.result(format::json(
                &json!({ "format": "safe-compose-lint-rules", "format_version": 1, "rules": all }),
            ));
        }
        LintFormat::Text | LintFormat::Github => {
            // The summaries are too long for a column of their own in a terminal of 80 columns.
            let lines: Vec<String> = rules::all()
                .map(|rule| format!("{} ({})\n    {}", rule.id, rule.severity.name(), rule.summary()))
                .collect();
            ui.result(lines.join("\n"));
        }
    }
}
