//! Labels of other backup tools that have no effect here.

use crate::lint::loader::as_pairs;
use crate::lint::project::{LintProject, LintService};
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::{YamlNode, YamlScalar};
use crate::tool_labels::{ToolLabel, is_tool_label, meaning};

rule! {
    /// Finds labels of other backup tools that safe-compose does not follow.
    ///
    /// ## Why it matters
    ///
    /// Backups follow the labels of offen/docker-volume-backup and of backupbot where they fit. Others have no effect: a
    /// command that is not run leaves no dump, and a volume that is to be left out is backed up.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     labels:
    ///       docker-volume-backup.process-pre: /usr/local/bin/encrypt
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     labels:
    ///       docker-volume-backup.archive-pre: /usr/local/bin/dump
    ///       docker-volume-backup.stop-during-backup: "true"
    /// ```
    "backup-label-without-effect", Info, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    if are_switched_off(project) {
        return;
    }
    for service in &project.services {
        let of_service = service.node.get("labels");
        let of_deploy = service.node.get("deploy").and_then(|deploy| deploy.get("labels"));
        for labels in [of_service, of_deploy].into_iter().flatten() {
            check_labels(service, labels, report);
        }
    }
}

fn check_labels(service: &LintService, labels: &YamlNode, report: &mut RuleReport) {
    for (name, value) in as_pairs(labels) {
        let value = value.as_ref().map(YamlScalar::as_str).unwrap_or_default();
        if !is_tool_label(name.as_str()) {
            continue;
        }
        if let ToolLabel::WithoutEffect(reason) = meaning(name.as_str(), value) {
            let message = format!("`{}` has no effect: {reason}", name.as_str());
            report
                .for_service(service, name.span, message)
                .help("`docs/hooks.md` lists the labels of other backup tools that are followed.");
        }
    }
}

/// `backup.labels: false`.
fn are_switched_off(project: &LintProject) -> bool {
    let labels = project.settings().and_then(|settings| settings.value.get("backup")?.get("labels"));
    labels.and_then(YamlNode::as_str).is_some_and(|value| value == "false")
}
