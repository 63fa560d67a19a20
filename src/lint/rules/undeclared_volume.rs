//! A volume that is used and not declared.

use std::collections::HashSet;

use crate::lint::fix::Fix;
use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a named volume that a service uses and the file does not declare.
    ///
    /// ## Why it matters
    ///
    /// Compose refuses the file. The usual hasty repair, a path without a name, makes an anonymous volume that is lost
    /// with its container.
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
    "undeclared-volume", Error, check
}

fn check(project: &Project, report: &mut Report) {
    if project.partial {
        return;
    }
    let mut seen: HashSet<&str> = HashSet::new();
    for service in &project.services {
        for mount in &service.mounts {
            let Source::Named(key) = &mount.source else { continue };
            // One with a slash is a path that lacks its `./`, which is another rule's.
            if !key.is_sure() || key.as_str().contains(['/', '\\']) || project.volume(key.as_str()).is_some()
            {
                continue;
            }
            let message = format!(
                "volume `{}` is not declared under the top-level `volumes:`, so Compose refuses the file",
                key.as_str()
            );
            let found = report.of(service, mount.span, message);
            found.help(format!("Declare it, or write `./{}` if a directory was meant.", key.as_str()));
            if seen.insert(key.as_str())
                && let Some(fix) = declare(project, key.as_str())
            {
                found.fix(fix);
            }
        }
    }
}

/// A line below `volumes:`, or a new section at the end of the first file.
fn declare(project: &Project, key: &str) -> Option<Fix> {
    let Some(section) = project.root.entry("volumes") else {
        let file = project.root.span.file;
        return Some(Fix::at_end(&project.files, file, &format!("volumes:\n  {key}:")));
    };
    let first = section.value.entries().first()?;
    Fix::new_key(&project.files, first.key.span, &format!("{key}:"))
}
