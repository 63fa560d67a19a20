//! Two containers, one name.

use crate::lint::project::Project;
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

fn check(project: &Project, report: &mut Report) {
    for (at, service) in project.services.iter().enumerate() {
        let Some(name) = service.container_name.as_ref().filter(|name| name.is_sure()) else { continue };
        let same = project.services[..at].iter().find(|other| {
            other.container_name.as_ref().is_some_and(|other| other.text == name.text)
                && service.may_run_beside(other)
        });
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
