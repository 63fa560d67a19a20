//! A volume that is declared and not used.

use std::collections::HashSet;

use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a volume that is declared and that no service uses.
    ///
    /// ## Why it matters
    ///
    /// Often a service was meant to use it, and keeps its data in its container instead.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     volumes:
    ///       - data:/usr/share/nginx/html
    /// volumes:
    ///   data:
    /// ```
    "unused-volume", Info, check
}

fn check(project: &Project, report: &mut Report) {
    if project.partial {
        return;
    }
    let mounts = || project.services.iter().flat_map(|service| &service.mounts);
    // A variable may stand for any of them.
    if mounts().any(|mount| matches!(mount.source, Source::Unknown(_))) {
        return;
    }
    let used: HashSet<&str> = mounts()
        .filter_map(|mount| match &mount.source {
            Source::Named(key) => Some(key.as_str()),
            Source::Anonymous | Source::Bind(_) | Source::Tmpfs | Source::Unknown(_) | Source::Other => None,
        })
        .collect();
    for volume in &project.volumes {
        if !used.contains(volume.key.as_str()) {
            let message = format!("volume `{}` is declared and no service uses it", volume.key.as_str());
            report.add(volume.key.span, message).help("Mount it where it belongs, or take it out.");
        }
    }
}
