//! One name for several containers.

use std::collections::HashMap;

use crate::lint::project::{LintProject, LintService};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a `container_name` that several services or replicas have.
    ///
    /// ## Why it matters
    ///
    /// Only one of the containers can exist. If somebody removes it to start another one, the data inside it is
    /// lost.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   one: { image: "nginx:1.29", container_name: web }
    ///   two: { image: "nginx:1.29", container_name: web }
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   one: { image: "nginx:1.29", container_name: web-one }
    ///   two: { image: "nginx:1.29", container_name: web-two }
    /// ```
    "shared-container-name", Warning, Project(check)
}

/// The most services of one name that each is compared with.
const MAX_COMPARED: usize = 64;

fn check(project: &LintProject, report: &mut RuleReport) {
    let mut named: HashMap<&str, Vec<&LintService>> = HashMap::new();
    for service in &project.services {
        let Some(name) = service.container_name.as_ref().filter(|name| name.is_known()) else { continue };
        let before = named.entry(name.as_str()).or_default();
        let same = before.iter().take(MAX_COMPARED).find(|other| service.may_run_beside(other)).copied();
        before.push(service);
        if let Some(other) = same {
            let message = format!(
                "`{}` and `{}` have the same container name `{}`, so only one of them can start",
                other.name.as_str(),
                service.name.as_str(),
                name.as_str(),
            );
            report
                .for_service(service, name.span, message)
                .help("Remove `container_name`, or give each service another one.");
        } else if service.replicas.is_some_and(|(count, _)| count > 1) {
            let message = format!("Compose refuses several replicas with the same name `{}`", name.as_str());
            report.for_service(service, name.span, message).help("Remove `container_name`.");
        }
    }
}
