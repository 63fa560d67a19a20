//! Two containers, one name.

use std::collections::HashMap;

use crate::lint::project::{Project, Service};
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds two services, or several replicas, with the same `container_name`.
    ///
    /// ## Why it matters
    ///
    /// The second cannot start, and whoever then removes the first to make room removes what it kept in itself.
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
    "shared-container-name", Warning, check
}

/// How many services of one name are compared with each.
const MOST: usize = 64;

fn check(project: &Project, report: &mut Report) {
    let mut named: HashMap<&str, Vec<&Service>> = HashMap::new();
    for service in &project.services {
        let Some(name) = service.container_name.as_ref().filter(|name| name.is_sure()) else { continue };
        let before = named.entry(name.as_str()).or_default();
        let same = before.iter().take(MOST).find(|other| service.may_run_beside(other)).copied();
        before.push(service);
        if let Some(other) = same {
            let message = format!(
                "`{}` and `{}` have the same container name `{}`, so one of them cannot start",
                other.name.as_str(),
                service.name.as_str(),
                name.as_str(),
            );
            report.of(service, name.span, message).help("Leave `container_name` out, or give each its own.");
        } else if service.replicas.is_some_and(|(count, _)| count > 1) {
            let message = format!("replicas cannot all be called `{}`: Compose refuses this", name.as_str());
            report.of(service, name.span, message).help("Leave `container_name` out.");
        }
    }
}
