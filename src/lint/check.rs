//! Checks one project: loads it, runs the rules, and applies settings and ignore comments.

use super::ignore::{self, CommentScope};
use super::levels::{self, RuleLevels};
use super::loader::{LintTarget, LoadProblem, load};
use super::project::LintProject;
use super::report::LintReport;
use super::rule::{FindingDraft, RuleCheck, RuleReport};
use super::rules;

/// Checks one project. `environment` overrides the variables of `.env`.
pub fn check(target: &LintTarget, environment: &dyn Fn(&str) -> Option<String>) -> LintReport {
    let (project, problems) = LintProject::read(load(target, environment), target.complete);
    let mut drafts: Vec<FindingDraft> = problems.into_iter().map(FindingDraft::from).collect();
    for rule in rules::compose() {
        match rule.check {
            RuleCheck::Project(check) => {
                let mut report = RuleReport::new(rule);
                check(&project, &mut report);
                drafts.append(&mut report.drafts);
            }
            RuleCheck::Call(_) | RuleCheck::Reader => {}
        }
    }
    drafts.extend(levels::unknown_rules(&project));
    let levels = RuleLevels::of(&project);
    levels.apply(&mut drafts);
    let (mut drafts, mut misused) = ignore::apply(&project.files, drafts, CommentScope::Block, &levels);
    levels.apply(&mut misused);
    drafts.append(&mut misused);
    LintReport::new(project.files, drafts)
}

impl From<LoadProblem> for FindingDraft {
    fn from(problem: LoadProblem) -> Self {
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
