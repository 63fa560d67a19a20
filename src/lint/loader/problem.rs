//! What is wrong with a project before any rule looks at it.

use std::path::Path;

use crate::lint::finding::LintSeverity;
use crate::lint::span::Span;

/// Help for what Compose does not accept.
pub(crate) const REFUSED: &str = "Compose refuses this file.";

/// Something that Compose would refuse, or a file that could not be read.
#[derive(Debug, Clone)]
pub(crate) struct LoadProblem {
    pub rule: &'static str,
    pub severity: LintSeverity,
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
}

impl LoadProblem {
    pub(super) fn yaml(span: Span, message: impl Into<String>) -> Self {
        let help = Some("Nothing else in this file was checked. Compose cannot read it either.".to_owned());
        Self { rule: "invalid-yaml", severity: LintSeverity::Error, span, message: message.into(), help }
    }

    pub(crate) fn compose(span: Span, message: impl Into<String>, help: &str) -> Self {
        Self {
            rule: "invalid-compose",
            severity: LintSeverity::Error,
            span,
            message: message.into(),
            help: Some(help.to_owned()),
        }
    }

    pub(super) fn missing(span: Span, path: &Path, why: &str) -> Self {
        Self {
            rule: "missing-file",
            severity: LintSeverity::Warning,
            span,
            message: format!("cannot read `{}` ({why}); nothing in it was checked", path.display()),
            help: None,
        }
    }
}
