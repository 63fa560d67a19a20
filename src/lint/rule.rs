//! What a rule is, and how it reports what it finds.

use super::finding::LintSeverity;
use super::fix::Fix;
use super::project::{LintProject, LintService};
use super::scripts::call_context::CallContext;
use super::span::Span;

/// One rule, in a file of its own.
#[derive(Debug)]
pub struct LintRule {
    /// The name for `ignore[…]`, `--explain` and the settings.
    pub id: &'static str,
    /// The highest severity of its findings, unless the settings change it.
    pub severity: LintSeverity,
    /// The doc comment of the rule, which is its explanation.
    pub explain: &'static str,
    pub(super) check: RuleCheck,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(super) enum RuleCheck {
    /// A project: its Compose files, merged.
    Project(fn(&LintProject, &mut RuleReport)),
    /// A call of a program in a script.
    Call(fn(&CallContext<'_>, &mut RuleReport)),
    /// Nothing: its findings come from reading the files, the comments or the settings.
    Reader,
}

impl LintRule {
    /// The first line of its explanation.
    pub fn summary(&self) -> &'static str {
        self.explain.lines().next().unwrap_or_default().trim()
    }

    /// Its explanation, in Markdown.
    pub fn explanation(&self) -> String {
        let lines = self.explain.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

/// A finding before severities are set and ignored findings are removed.
#[derive(Debug)]
pub(crate) struct FindingDraft {
    pub rule: &'static str,
    pub severity: LintSeverity,
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
    pub service: Option<String>,
    pub fix: Option<Fix>,
}

impl FindingDraft {
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn severity(&mut self, severity: LintSeverity) -> &mut Self {
        self.severity = severity;
        self
    }

    pub(super) fn service(&mut self, service: &LintService) -> &mut Self {
        self.service = Some(service.name.as_str().to_owned());
        self
    }

    pub(super) fn fix(&mut self, fix: Fix) -> &mut Self {
        self.fix = Some(fix);
        self
    }
}

/// Collects the findings of one rule.
#[derive(Debug)]
pub(crate) struct RuleReport {
    rule: &'static str,
    severity: LintSeverity,
    pub(super) drafts: Vec<FindingDraft>,
}

impl RuleReport {
    pub(super) fn new(rule: &LintRule) -> Self {
        Self { rule: rule.id, severity: rule.severity, drafts: Vec::new() }
    }

    /// Reports something about the project or the script.
    pub(super) fn add(&mut self, span: Span, message: impl Into<String>) -> &mut FindingDraft {
        let draft = FindingDraft {
            rule: self.rule,
            severity: self.severity,
            span,
            message: message.into(),
            help: None,
            service: None,
            fix: None,
        };
        self.drafts.push(draft);
        let last = self.drafts.len() - 1;
        &mut self.drafts[last]
    }

    /// Reports something about a service.
    pub(super) fn for_service(
        &mut self,
        service: &LintService,
        span: Span,
        message: impl Into<String>,
    ) -> &mut FindingDraft {
        self.add(span, message).service(service)
    }
}

/// Makes a rule from its doc comment, which `--explain` prints, and its check.
macro_rules! rule {
    ($(#[doc = $doc:literal])* $id:literal, $severity:ident, Reader) => {
        $crate::lint::rule::rule!(@ [$($doc),*] $id, $severity, $crate::lint::rule::RuleCheck::Reader);
    };
    ($(#[doc = $doc:literal])* $id:literal, $severity:ident, $kind:ident($check:expr)) => {
        $crate::lint::rule::rule!(@ [$($doc),*] $id, $severity, $crate::lint::rule::RuleCheck::$kind($check));
    };
    (@ [$($doc:literal),*] $id:literal, $severity:ident, $check:expr) => {
        pub(super) const RULE: $crate::lint::rule::LintRule = $crate::lint::rule::LintRule {
            id: $id,
            severity: $crate::lint::finding::LintSeverity::$severity,
            explain: concat!($($doc, "\n"),*),
            check: $check,
        };
    };
}
pub(super) use rule;
