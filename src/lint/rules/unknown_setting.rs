//! Settings without effect.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};
use crate::lint::span::Span;
use crate::lint::yaml::YamlNode;
use crate::settings::Settings;

rule! {
    /// Finds unknown settings under `x-safe-compose`, and settings where Compose drops them.
    ///
    /// ## Why it matters
    ///
    /// A mistyped setting protects nothing. Compose keeps `x-safe-compose` at the top level of a file, and drops it
    /// inside services, volumes and networks.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   guard: { destory: refuse }
    /// services:
    ///   web: { image: "nginx:1.29" }
    /// ```
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     x-safe-compose: { disposable: true }
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   guard: { destroy: refuse }
    ///   services: { web: { disposable: true } }
    /// services:
    ///   web: { image: "nginx:1.29" }
    /// ```
    "unknown-setting", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    if let Some(entry) = project.settings() {
        if let Err(error) = Settings::read(Some(&entry.value.to_json())) {
            let why = error.reason();
            let span = quoted(&why).and_then(|word| find(&entry.value, word)).unwrap_or(entry.key.span);
            report
                .add(span, format!("this setting has no effect: {why}"))
                .help("`docs/reference.md` lists every setting.");
        }
        for section in ["services", "volumes"] {
            let Some(named) = entry.value.get(section) else { continue };
            for item in named.entries() {
                let exists =
                    project.root.get(section).is_some_and(|node| node.get(item.key.as_str()).is_some());
                if !exists && !project.partial {
                    let message =
                        format!("there is no `{}` under the top-level `{section}:`", item.key.as_str());
                    report.add(item.key.span, message).help("The setting has no effect. Correct the name.");
                }
            }
        }
        check_groups(project, &entry.value, report);
    }
    for section in ["services", "volumes", "networks"] {
        for item in project.root.get(section).map(YamlNode::entries).unwrap_or_default() {
            if let Some(entry) = item.value.entry("x-safe-compose") {
                let message = format!(
                    "Compose drops `x-safe-compose` inside {section}, so these settings have no effect"
                );
                report.add(entry.key.span, message).help(format!(
                    "Move it to the top level: `x-safe-compose: {{ {section}: {{ {}: … }} }}`.",
                    item.key.as_str()
                ));
            }
        }
    }
}

/// A service that does not exist is held by nobody while the others are backed up.
fn check_groups(project: &LintProject, settings: &YamlNode, report: &mut RuleReport) {
    let together = settings.get("backup").and_then(|backup| backup.get("together"));
    let groups = together.map(YamlNode::items).unwrap_or_default();
    for service in groups.iter().flat_map(YamlNode::items) {
        let Some(name) = service.as_str() else { continue };
        let exists = project.root.get("services").is_some_and(|node| node.get(name).is_some());
        if !exists && !project.partial {
            report
                .add(service.span, format!("there is no `{name}` under the top-level `services:`"))
                .help("It is not held while the others are backed up. Correct the name.");
        }
    }
}

/// The first word in backticks.
fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

/// The span of a word, as a key or as a value.
fn find(node: &YamlNode, word: &str) -> Option<Span> {
    if node.as_str() == Some(word) {
        return Some(node.span);
    }
    node.entries()
        .iter()
        .find_map(
            |entry| {
                if entry.key.as_str() == word { Some(entry.key.span) } else { find(&entry.value, word) }
            },
        )
        .or_else(|| node.items().iter().find_map(|item| find(item, word)))
}
