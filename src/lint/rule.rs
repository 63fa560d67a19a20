//! What a rule is, and what it may say.

use super::finding::Severity;
use super::fix::Fix;
use super::project::{Mount, Project, Service, Store};
use super::source::Span;

/// One rule, in one file of `rules/`.
#[derive(Debug)]
pub struct Rule {
    /// As `ignore[…]`, `--explain` and the settings take it.
    pub id: &'static str,
    /// Unless the rule or the settings say otherwise. An error means that data will be lost.
    pub severity: Severity,
    /// What `--explain` prints: the doc comment of the rule.
    pub explain: &'static str,
    pub(super) check: fn(&Project, &mut Report),
}

impl Rule {
    /// The first line of its explanation.
    pub fn summary(&self) -> &'static str {
        self.explain.lines().next().unwrap_or_default().trim()
    }
}

/// Something that a rule found, before severities are set and ignored findings left out.
#[derive(Debug)]
pub struct Found {
    pub rule: &'static str,
    pub severity: Severity,
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
    pub service: Option<String>,
    pub fix: Option<Fix>,
}

impl Found {
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    pub(super) fn fix(&mut self, fix: Fix) -> &mut Self {
        self.fix = Some(fix);
        self
    }
}

/// Collects what one rule says.
#[derive(Debug)]
pub struct Report {
    rule: &'static str,
    severity: Severity,
    pub(super) found: Vec<Found>,
}

impl Report {
    pub(super) fn new(rule: &Rule) -> Self {
        Self { rule: rule.id, severity: rule.severity, found: Vec::new() }
    }

    /// Something about the project.
    pub(super) fn add(&mut self, span: Span, message: impl Into<String>) -> &mut Found {
        let found = Found {
            rule: self.rule,
            severity: self.severity,
            span,
            message: message.into(),
            help: None,
            service: None,
            fix: None,
        };
        self.found.push(found);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Something about a service.
    pub(super) fn of(&mut self, service: &Service, span: Span, message: impl Into<String>) -> &mut Found {
        let found = self.add(span, message);
        found.service = Some(service.name.as_str().to_owned());
        found
    }
}

/// Services that keep data on a mount, with that mount.
pub(super) fn mounted(project: &Project) -> impl Iterator<Item = (&Service, &Store, &Mount)> {
    project.stores().filter_map(|(service, store)| Some((service, store, store.mount(service)?)))
}

/// Makes a rule of its doc comment, which is what `--explain` prints, and of its check.
macro_rules! rule {
    ($(#[doc = $doc:literal])* $id:literal, $severity:ident, $check:expr) => {
        pub(super) const RULE: $crate::lint::rule::Rule = $crate::lint::rule::Rule {
            id: $id,
            severity: $crate::lint::finding::Severity::$severity,
            explain: concat!($($doc, "\n"),*),
            check: $check,
        };
    };
}
pub(super) use rule;
