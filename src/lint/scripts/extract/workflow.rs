//! The scripts of CI: workflows of GitHub, and pipelines of others in which some keys hold scripts.

use std::collections::HashMap;

use super::script::Script;
use super::{template, yaml_script};
use crate::lint::scripts::mapped_text::MappedText;
use crate::lint::scripts::shell::ShellScope;
use crate::lint::yaml::{YamlEntry, YamlNode};

/// The scripts of a workflow (`jobs`) or an action (`runs`).
pub(super) fn github(text: &str) -> Vec<Script> {
    let Some(root) = yaml_script::read(text) else { return Vec::new() };
    let mut scripts = Vec::new();
    let mut scope: ShellScope<'static> = ShellScope::default();
    environment(&root, &mut scope);
    for YamlEntry { value: job, .. } in entries(root.get("jobs")) {
        let throwaway = is_hosted(job);
        let shell = default_shell(job).or_else(|| default_shell(&root));
        let mut scope = scope.clone();
        environment(job, &mut scope);
        JobSteps { text, job, shell, throwaway }.add(&scope, &mut scripts);
    }
    if let Some(runs) = root.get("runs") {
        JobSteps { text, job: runs, shell: None, throwaway: false }.add(&scope, &mut scripts);
    }
    scripts
}

/// The steps of a job or of an action.
struct JobSteps<'a> {
    text: &'a str,
    job: &'a YamlNode,
    shell: Option<&'a str>,
    throwaway: bool,
}

impl JobSteps<'_> {
    fn add(&self, scope: &ShellScope<'static>, scripts: &mut Vec<Script>) {
        for step in self.job.get("steps").map(YamlNode::items).unwrap_or_default() {
            let mut scope = scope.clone();
            environment(step, &mut scope);
            let shell = step.get("shell").and_then(YamlNode::as_str).or(self.shell);
            let run = step.get("run").and_then(|run| yaml_script::mapped(self.text, run));
            if let Some(text) = run.filter(|_| shell.is_none_or(is_shell)) {
                scripts.push(Script { text, scope: scope.clone(), throwaway: self.throwaway, remote: false });
            }
            // The common action that runs a script on a server.
            let uses = step.get("uses").and_then(YamlNode::as_str).unwrap_or_default();
            let script = step.get("with").and_then(|with| with.get("script"));
            if uses.split('@').next().is_some_and(|action| action.ends_with("/ssh-action"))
                && let Some(text) = script.and_then(|script| yaml_script::mapped(self.text, script))
            {
                scripts.push(Script { text, scope, throwaway: false, remote: true });
            }
        }
    }
}

/// Whether a job runs on a machine of GitHub, which is discarded after the job.
fn is_hosted(job: &YamlNode) -> bool {
    const HOSTED: [&str; 3] = ["ubuntu-", "macos-", "windows-"];
    let label = job.get("runs-on").and_then(YamlNode::as_str);
    label.is_some_and(|label| HOSTED.iter().any(|hosted| label.starts_with(hosted)))
}

fn default_shell(of: &YamlNode) -> Option<&str> {
    of.get("defaults")?.get("run")?.get("shell")?.as_str()
}

fn is_shell(shell: &str) -> bool {
    matches!(shell.split_whitespace().next(), Some("bash" | "sh" | "zsh"))
}

fn environment(of: &YamlNode, scope: &mut ShellScope<'static>) {
    for entry in entries(of.get("env")) {
        if let Some(value) = entry.value.as_str().filter(|value| !value.contains("${{")) {
            scope.set(entry.key.as_str(), value);
        }
    }
}

/// The scripts of YAML in which the values of some keys are scripts.
pub(super) fn pipeline(text: &str, keys: &[&str]) -> Vec<Script> {
    let Some(root) = yaml_script::read(text) else { return Vec::new() };
    let mut scope: ShellScope<'static> = ShellScope::default();
    let mut values = HashMap::new();
    for entry in ["variables", "vars", "env"].iter().flat_map(|key| entries(root.get(key))) {
        if let Some(value) = entry.value.as_str() {
            scope.set(entry.key.as_str(), value);
            values.insert(entry.key.as_str().to_owned(), value.to_owned());
        }
    }
    let mut found = Vec::new();
    collect(text, &root, keys, &mut found);
    let mut scripts: Vec<Script> = found
        .iter()
        .map(|text| {
            // Only Task fills in templates; a shell reads them as ordinary text.
            let text = if keys.contains(&"cmds") { template::fill(text, &values) } else { text.clone() };
            Script { scope: scope.clone(), ..Script::new(text) }
        })
        .collect();
    // Several jobs may share a list through an anchor: report it once.
    scripts.sort_by_key(|script| script.text.from(0));
    scripts.dedup_by(|one, other| one.text == other.text);
    scripts
}

/// Looks for the keys at any depth. What aliases can add is limited by the reader of YAML.
fn collect(text: &str, node: &YamlNode, keys: &[&str], found: &mut Vec<MappedText>) {
    for item in node.items() {
        collect(text, item, keys, found);
    }
    for entry in node.entries() {
        if keys.contains(&entry.key.as_str()) {
            let mut script = MappedText::default();
            push_lines(text, &entry.value, &mut script);
            if !script.is_empty() {
                found.push(script);
            }
        }
        collect(text, &entry.value, keys, found);
    }
}

/// A script that is one text, or a list of lines, or a list of such lists.
fn push_lines(text: &str, value: &YamlNode, script: &mut MappedText) {
    if let Some(line) = yaml_script::mapped(text, value) {
        script.push(&line);
        script.push_for("\n", line.to(line.len()), line.to(line.len()));
    }
    for item in value.items() {
        push_lines(text, item, script);
    }
}

fn entries(node: Option<&YamlNode>) -> &[YamlEntry] {
    node.map(YamlNode::entries).unwrap_or_default()
}
