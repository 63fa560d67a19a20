//! The severities that a project sets: `x-safe-compose: { lint: { rules: { … } } }`.

use std::collections::BTreeMap;

use super::finding::LintSeverity;
use super::project::LintProject;
use super::rule::{FindingDraft, RuleReport};
use super::rules;
use super::yaml::YamlNode;
use crate::settings::{LintLevel, Settings};

/// The levels of rules, by their ids.
#[derive(Debug, Default)]
pub(super) struct RuleLevels(BTreeMap<String, LintLevel>);

impl RuleLevels {
    /// None if the settings cannot be read, which `unknown-setting` reports.
    pub(super) fn of(project: &LintProject) -> Self {
        let settings = project.settings().map(|entry| entry.value.to_json());
        Self(Settings::read(settings.as_ref()).map(|settings| settings.lint.rules).unwrap_or_default())
    }

    pub(super) fn is_off(&self, rule: &str) -> bool {
        self.0.get(rule) == Some(&LintLevel::Off)
    }

    /// Sets the severities, and removes the findings of rules that are off.
    pub(super) fn apply(&self, drafts: &mut Vec<FindingDraft>) {
        drafts.retain_mut(|draft| {
            let severity = match self.0.get(draft.rule) {
                Some(LintLevel::Off) => return false,
                Some(LintLevel::Info) => LintSeverity::Info,
                Some(LintLevel::Warning) => LintSeverity::Warning,
                Some(LintLevel::Error) => LintSeverity::Error,
                None => draft.severity,
            };
            draft.severity = severity;
            true
        });
    }
}

/// Reports levels of rules that do not exist.
pub(super) fn unknown_rules(project: &LintProject) -> Vec<FindingDraft> {
    let mut report = RuleReport::new(rules::UNKNOWN_SETTING);
    let lint = project.settings().and_then(|entry| entry.value.get("lint"));
    let levels = lint.and_then(|lint| lint.get("rules")).map(YamlNode::entries).unwrap_or_default();
    for level in levels {
        let id = level.key.as_str();
        if !rules::compose().any(|rule| rule.id == id) {
            report
                .add(level.key.span, format!("there is no rule `{id}` for Compose files"))
                .help("Run `safe-compose lint --rules` to list the rules.");
        }
    }
    report.drafts
}
