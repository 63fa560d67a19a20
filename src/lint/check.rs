//! One target through reader, rules, settings and ignores.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::finding::{Finding, Severity};
use super::fix::{self, Fix};
use super::ignore;
use super::project::Project;
use super::rule::{Found, Report};
use super::rules::CHECKS;
use super::source::{Files, Problem, Target, load};
use crate::settings::{LintLevel, Settings};

/// What was found in one target.
#[derive(Debug)]
pub struct Checked {
    files: Files,
    found: Vec<Found>,
}

/// Checks one target. `environment` is what variables are looked up in before `.env`.
pub fn check(target: &Target, environment: &dyn Fn(&str) -> Option<String>) -> Checked {
    let (project, problems) = Project::read(load(target, environment), target.whole);
    let mut found: Vec<Found> = problems.into_iter().map(Found::from).collect();
    for rule in CHECKS {
        let mut report = Report::new(rule);
        (rule.check)(&project, &mut report);
        found.append(&mut report.found);
    }
    let levels = levels(&project);
    found.retain_mut(|found| match levels.get(found.rule) {
        Some(LintLevel::Off) => false,
        Some(LintLevel::Info) => set(found, Severity::Info),
        Some(LintLevel::Warning) => set(found, Severity::Warning),
        Some(LintLevel::Error) => set(found, Severity::Error),
        None => true,
    });
    let mut found = ignore::apply(&project.files, found, &levels);
    found.sort_by(|one, other| {
        (one.span.file, one.span.start, one.rule).cmp(&(other.span.file, other.span.start, other.rule))
    });
    // A place that an anchor stands for is reached on several ways.
    found.dedup_by(|one, other| {
        one.span == other.span && one.rule == other.rule && one.message == other.message
    });
    Checked { files: project.files, found }
}

fn set(found: &mut Found, severity: Severity) -> bool {
    found.severity = severity;
    true
}

fn levels(project: &Project) -> BTreeMap<String, LintLevel> {
    let settings = project.root.get("x-safe-compose").map(super::source::Node::to_json);
    Settings::read(settings.as_ref()).map(|settings| settings.lint.rules).unwrap_or_default()
}

impl From<Problem> for Found {
    fn from(problem: Problem) -> Self {
        Self {
            rule: problem.rule,
            severity: problem.severity,
            span: problem.span,
            message: problem.message,
            help: problem.help,
            service: None,
            fix: None,
        }
    }
}

impl Checked {
    /// The findings, in the order of the files and of their lines.
    pub fn findings(&self) -> Vec<Finding> {
        self.found.iter().map(|found| self.finding(found)).collect()
    }

    fn finding(&self, found: &Found) -> Finding {
        Finding {
            rule: found.rule,
            severity: found.severity,
            place: self.files.place(found.span),
            message: found.message.clone(),
            help: found.help.clone(),
            service: found.service.clone(),
        }
    }

    /// The files that were read, with their text.
    pub fn texts(&self) -> impl Iterator<Item = (PathBuf, Arc<str>)> {
        self.files.iter().map(|(_, file)| (file.path.clone(), file.text.clone()))
    }

    /// Whether a finding can be mended by an edit.
    pub fn fixable(&self) -> usize {
        self.found.iter().filter(|found| found.fix.is_some()).count()
    }

    /// What every file would be with the fixes of the findings that `wanted` picks.
    pub fn fixed(&self, wanted: impl Fn(&Finding) -> bool) -> Vec<(PathBuf, Arc<str>, String)> {
        let fixes: Vec<&Fix> = self
            .found
            .iter()
            .filter(|found| wanted(&self.finding(found)))
            .filter_map(|found| found.fix.as_ref())
            .collect();
        fix::apply(&self.files, fixes)
            .into_iter()
            .map(|(file, text)| {
                let file = self.files.get(file);
                (file.path.clone(), file.text.clone(), text)
            })
            .collect()
    }
}

/// What changes, as `diff -u` and `git apply` have it.
pub fn diff(path: &std::path::Path, old: &str, new: &str) -> String {
    fix::diff(&path.to_string_lossy(), old, new)
}
