//! Settings that nobody reads.

use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};
use crate::lint::source::{Node, Span};
use crate::settings::Settings;

rule! {
    /// Finds settings under `x-safe-compose` that do not exist, and such settings where Compose drops them.
    ///
    /// ## Why it matters
    ///
    /// A mistyped setting protects nobody. Compose keeps `x-safe-compose` at the top of a file and drops it from
    /// services and volumes.
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
    "unknown-setting", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    if let Some(entry) = project.root.entry("x-safe-compose") {
        if let Err(error) = Settings::read(Some(&entry.value.to_json())) {
            let why = error.reason();
            let place = quoted(&why).and_then(|word| find(&entry.value, word)).unwrap_or(entry.key.span);
            report
                .add(place, format!("this setting does nothing: {why}"))
                .help("`docs/reference.md` has every setting.");
        }
        for (section, known) in [("services", "services"), ("volumes", "volumes")] {
            let Some(named) = entry.value.get(section) else { continue };
            for item in named.entries() {
                let exists =
                    project.root.get(known).is_some_and(|node| node.get(item.key.as_str()).is_some());
                if !exists && !project.partial {
                    let message =
                        format!("there is no `{}` under the top-level `{known}:`", item.key.as_str());
                    report.add(item.key.span, message).help("The setting does nothing; correct the name.");
                }
            }
        }
        for (id, place) in rules(&entry.value) {
            if crate::lint::rules::find(id).is_none() {
                report
                    .add(place, format!("there is no rule `{id}`"))
                    .help("`safe-compose lint --rules` lists them.");
            }
        }
    }
    for section in ["services", "volumes", "networks"] {
        for item in project.root.get(section).map(Node::entries).unwrap_or_default() {
            if let Some(entry) = item.value.entry("x-safe-compose") {
                let message =
                    format!("Compose drops `x-safe-compose` from {section}: these settings do nothing");
                report.add(entry.key.span, message).help(format!(
                    "Move it to the top: `x-safe-compose: {{ {section}: {{ {}: … }} }}`.",
                    item.key.as_str()
                ));
            }
        }
    }
}

fn rules(settings: &Node) -> Vec<(&str, Span)> {
    let rules =
        settings.get("lint").and_then(|lint| lint.get("rules")).map(Node::entries).unwrap_or_default();
    rules.iter().map(|entry| (entry.key.as_str(), entry.key.span)).collect()
}

/// The first word in backticks.
fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

/// Where a word stands, as a key or as a value.
fn find(node: &Node, word: &str) -> Option<Span> {
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
