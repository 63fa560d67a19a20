//! A volume that is used but not declared.

use std::collections::HashSet;

use crate::lint::fix::Fix;
use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a named volume that a service uses but the file does not declare.
    ///
    /// ## Why it matters
    ///
    /// Compose refuses the file. A common quick fix, a mount without a name, creates an anonymous volume, which is
    /// lost with its container.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     volumes:
    ///       - site:/usr/share/nginx/html
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     volumes:
    ///       - site:/usr/share/nginx/html
    /// volumes:
    ///   site:
    /// ```
    "undeclared-volume", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    if project.partial {
        return;
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for service in &project.services {
        for mount in service.own_mounts() {
            let LintMountSource::Named(key) = &mount.source else { continue };
            // A name with a slash is a path without `./`, which another rule reports.
            if !key.is_known() || key.as_str().contains(['/', '\\']) || project.volume(key.as_str()).is_some()
            {
                continue;
            }
            let message = format!(
                "the volume `{}` is not declared under the top-level `volumes:`, so Compose refuses the file",
                key.as_str()
            );
            let found = report.for_service(service, mount.span, message);
            found.help(format!("Declare it, or write `./{}` to mount a directory.", key.as_str()));
            if seen.insert(key.as_str())
                && let Some(fix) = declare(project, key.as_str())
            {
                found.fix(fix);
            }
        }
    }
}

/// Adds the volume under `volumes:`, or a new section at the end of the first file.
fn declare(project: &LintProject, key: &str) -> Option<Fix> {
    let Some(section) = project.root.entry("volumes") else {
        let file = project.root.span.file;
        return Some(Fix::at_end(&project.files, file, &format!("volumes:\n  {key}:")));
    };
    let first = section.value.entries().first()?;
    Fix::new_key(&project.files, first.key.span, &format!("{key}:"))
}
