//! What CI runs: workflows of GitHub, and pipelines of others, in which some keys hold scripts.

use std::collections::HashMap;

use super::yaml::{self, Node};
use super::{Script, template};
use crate::lint::scripts::shell::Scope;
use crate::lint::scripts::snippet::Snippet;

/// A workflow (`jobs`) or an action (`runs`).
pub(super) fn github(text: &str) -> Vec<Script> {
    let Some(root) = yaml::read(text) else { return Vec::new() };
    let mut scripts = Vec::new();
    let mut scope: Scope<'static> = Scope::default();
    environment(&root, &mut scope);
    for (_, job) in root.get("jobs").into_iter().flat_map(Node::entries) {
        let throwaway = is_hosted(job);
        let shell = default_shell(job).or_else(|| default_shell(&root));
        let mut scope = scope.clone();
        environment(job, &mut scope);
        steps(job, shell, &scope, throwaway, &mut scripts);
    }
    if let Some(runs) = root.get("runs") {
        steps(runs, None, &scope, false, &mut scripts);
    }
    scripts
}

fn steps(
    job: &Node,
    shell: Option<&str>,
    scope: &Scope<'static>,
    throwaway: bool,
    scripts: &mut Vec<Script>,
) {
    for step in job.get("steps").into_iter().flat_map(Node::items) {
        let mut scope = scope.clone();
        environment(step, &mut scope);
        let shell = step.get("shell").and_then(Node::text).or(shell);
        if let Some(run) = step.get("run").and_then(Node::scalar)
            && shell.is_none_or(is_shell)
        {
            scripts.push(Script { text: run.clone(), scope: scope.clone(), throwaway, remote: false });
        }
        // The common action to run a script on a server.
        let uses = step.get("uses").and_then(Node::text).unwrap_or_default();
        if uses.split('@').next().is_some_and(|action| action.ends_with("/ssh-action"))
            && let Some(script) = step.get("with").and_then(|with| with.get("script")).and_then(Node::scalar)
        {
            scripts.push(Script { text: script.clone(), scope, throwaway: false, remote: true });
        }
    }
}

/// The machines that GitHub lends to a job and wipes behind it.
fn is_hosted(job: &Node) -> bool {
    const HOSTED: [&str; 3] = ["ubuntu-", "macos-", "windows-"];
    let label = job.get("runs-on").and_then(Node::text);
    label.is_some_and(|label| HOSTED.iter().any(|hosted| label.starts_with(hosted)))
}

fn default_shell(of: &Node) -> Option<&str> {
    of.get("defaults")?.get("run")?.get("shell")?.text()
}

fn is_shell(shell: &str) -> bool {
    matches!(shell.split_whitespace().next(), Some("bash" | "sh" | "zsh"))
}

fn environment(of: &Node, scope: &mut Scope<'static>) {
    for (name, value) in of.get("env").into_iter().flat_map(Node::entries) {
        if let Some(value) = value.text().filter(|value| !value.contains("${{")) {
            scope.set(name, value);
        }
    }
}

/// YAML in which the values of some keys are scripts.
pub(super) fn pipeline(text: &str, keys: &[&str]) -> Vec<Script> {
    let Some(root) = yaml::read(text) else { return Vec::new() };
    let mut scope: Scope<'static> = Scope::default();
    let mut values = HashMap::new();
    for (name, value) in
        ["variables", "vars", "env"].iter().filter_map(|key| root.get(key)).flat_map(Node::entries)
    {
        if let Some(value) = value.text() {
            scope.set(name, value);
            values.insert(name.to_owned(), value.to_owned());
        }
    }
    let mut budget = 100_000;
    let mut found = Vec::new();
    collect(&root, keys, &mut budget, &mut found);
    let mut scripts: Vec<Script> = found
        .iter()
        .map(|text| {
            // Only Task fills these in; to a shell they are ordinary letters.
            let text = if keys.contains(&"cmds") { template::fill(text, &values) } else { text.clone() };
            Script { scope: scope.clone(), ..Script::new(text) }
        })
        .collect();
    // A list that several jobs share through an anchor is one place.
    scripts.sort_by_key(|script| script.text.from(0));
    scripts.dedup_by(|one, other| one.text == other.text);
    scripts
}

/// Looks for the keys at any depth. The budget bounds what aliases can make of a small file.
fn collect(node: &Node, keys: &[&str], budget: &mut usize, found: &mut Vec<Snippet>) {
    for item in node.items() {
        if spend(budget) {
            collect(item, keys, budget, found);
        }
    }
    for (key, value) in node.entries() {
        if !spend(budget) {
            return;
        }
        if keys.contains(&key) {
            let mut text = Snippet::default();
            lines(value, budget, &mut text);
            if !text.is_empty() {
                found.push(text);
            }
        }
        collect(value, keys, budget, found);
    }
}

/// A script that is one text, or a list of lines, or a list of such lists.
fn lines(value: &Node, budget: &mut usize, text: &mut Snippet) {
    if !spend(budget) {
        return;
    }
    if let Some(line) = value.scalar() {
        text.push(line);
        text.push_for("\n", line.to(line.len()), line.to(line.len()));
    }
    for item in value.items() {
        lines(item, budget, text);
    }
}

fn spend(budget: &mut usize) -> bool {
    *budget = budget.saturating_sub(1);
    *budget > 0
}
