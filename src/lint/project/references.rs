//! What the services of a project refer to: Compose refuses references to nothing, and circular dependencies.

use std::collections::HashMap;

use super::service::LintService;
use crate::lint::loader::{LoadProblem, REFUSED};
use crate::lint::yaml::{YamlNode, YamlScalar};

/// Reports references to services, networks, secrets, configs and models that are not in the files.
pub(super) fn check(root: &YamlNode, services: &[LintService], problems: &mut Vec<LoadProblem>) {
    let by_name: HashMap<&str, usize> =
        services.iter().enumerate().map(|(at, service)| (service.name.as_str(), at)).collect();
    let dependencies: Vec<Vec<YamlScalar>> = services.iter().map(dependencies).collect();
    for (service, needed) in services.iter().zip(&dependencies) {
        // Compose looks only at the services that it would start, and which profiles are active is not known.
        if !service.profiles.is_empty() {
            continue;
        }
        for name in needed {
            if name.is_known() && !by_name.contains_key(name.as_str()) {
                problems.push(undefined(service, "service", name));
            }
        }
        for (key, kind) in
            [("networks", "network"), ("secrets", "secret"), ("configs", "config"), ("models", "model")]
        {
            let declared = root.get(key);
            for name in names(service.node.get(key)) {
                let implicit = kind == "network" && name.as_str() == "default";
                if name.is_known()
                    && !implicit
                    && declared.is_none_or(|node| node.get(name.as_str()).is_none())
                {
                    problems.push(undefined(service, kind, &name));
                }
            }
        }
        if let (Some(mode), Some(_)) = (service.node.entry("network_mode"), service.node.get("networks")) {
            let message =
                format!("service `{}` has both `network_mode` and `networks`", service.name.as_str());
            problems.push(LoadProblem::compose(mode.key.span, message, REFUSED));
        }
    }
    if let Some(problem) = circle(services, &by_name, &dependencies) {
        problems.push(problem);
    }
}

fn undefined(service: &LintService, kind: &str, name: &YamlScalar) -> LoadProblem {
    let message = format!(
        "service `{}` refers to the {kind} `{}`, which does not exist",
        service.name.as_str(),
        name.as_str()
    );
    LoadProblem::compose(name.span, message, REFUSED)
}

/// The services that one has to wait for.
fn dependencies(service: &LintService) -> Vec<YamlScalar> {
    let before_colon = |text: &YamlScalar| {
        let name = text.as_str().split(':').next().unwrap_or_default();
        YamlScalar { text: name.into(), ..text.clone() }
    };
    let mut needed = names(service.node.get("depends_on"));
    needed.extend(names(service.node.get("links")).iter().map(before_colon));
    let from = names(service.node.get("volumes_from"));
    needed.extend(from.iter().filter(|entry| !entry.as_str().starts_with("container:")).map(before_colon));
    for key in ["network_mode", "ipc", "pid", "uts"] {
        let mode = service.node.get(key).and_then(YamlNode::as_scalar);
        if let Some((mode, name)) =
            mode.and_then(|mode| Some((mode, mode.as_str().strip_prefix("service:")?)))
        {
            needed.push(YamlScalar { text: name.into(), ..mode.clone() });
        }
    }
    needed
}

/// The names in a list of names, in a list of mappings with a `source`, or in the keys of a mapping.
fn names(node: Option<&YamlNode>) -> Vec<YamlScalar> {
    let Some(node) = node else { return Vec::new() };
    let items =
        node.items().iter().filter_map(|item| item.as_scalar().or_else(|| item.get("source")?.as_scalar()));
    items.chain(node.entries().iter().map(|entry| &entry.key)).cloned().collect()
}

/// A service that depends on itself, directly or through others.
fn circle(
    services: &[LintService],
    by_name: &HashMap<&str, usize>,
    dependencies: &[Vec<YamlScalar>],
) -> Option<LoadProblem> {
    // Without those that depend on nothing that is left, only circles are left, and what depends on them.
    let mut waiting: Vec<usize> = Vec::with_capacity(services.len());
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); services.len()];
    for (at, needed) in dependencies.iter().enumerate() {
        let needed: Vec<usize> =
            needed.iter().filter_map(|name| by_name.get(name.as_str()).copied()).collect();
        waiting.push(needed.len());
        for other in needed {
            dependents[other].push(at);
        }
    }
    let mut free: Vec<usize> = (0..services.len()).filter(|at| waiting[*at] == 0).collect();
    while let Some(at) = free.pop() {
        for dependent in &dependents[at] {
            waiting[*dependent] -= 1;
            if waiting[*dependent] == 0 {
                free.push(*dependent);
            }
        }
    }
    // From any service that is left, the first that is met twice is in a circle.
    let mut at = (0..services.len()).find(|at| waiting[*at] > 0 && services[*at].profiles.is_empty())?;
    let mut met = vec![false; services.len()];
    loop {
        met[at] = true;
        let next = dependencies[at].iter().find_map(|name| {
            let other = by_name.get(name.as_str()).copied().filter(|other| waiting[*other] > 0)?;
            Some((name, other))
        });
        let (name, other) = next?;
        if met[other] {
            let message =
                format!("service `{}` depends on itself, directly or through others", name.as_str());
            return Some(LoadProblem::compose(name.span, message, REFUSED));
        }
        at = other;
    }
}
