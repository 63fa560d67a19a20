//! A volume that is declared but not used.

use std::collections::HashSet;

use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a volume that is declared but that no service uses.
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
    "unused-volume", Info, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    if project.partial {
        return;
    }
    let mounts = || project.services.iter().flat_map(|service| &service.mounts);
    // An unset variable may be the name of any volume.
    if mounts().any(|mount| matches!(mount.source, LintMountSource::Unknown(_))) {
        return;
    }
    let used: HashSet<&str> = mounts()
        .filter_map(|mount| match &mount.source {
            LintMountSource::Named(key) => Some(key.as_str()),
            LintMountSource::Anonymous
            | LintMountSource::Bind(_)
            | LintMountSource::Tmpfs
            | LintMountSource::Unknown(_)
            | LintMountSource::Other => None,
        })
        .collect();
    for volume in &project.volumes {
        if !used.contains(volume.key.as_str()) {
            let message = format!("no service uses the volume `{}`", volume.key.as_str());
            report.add(volume.key.span, message).help("Mount it in a service, or remove it.");
        }
    }
}
