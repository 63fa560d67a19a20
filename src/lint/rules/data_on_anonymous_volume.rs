//! Data in an anonymous volume.

use crate::inventory::known::Keeps;
use crate::lint::finding::LintSeverity;
use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds data that is kept in an anonymous volume.
    ///
    /// ## Why it matters
    ///
    /// A mount without a source creates an anonymous volume, which belongs to one container. After `down`, the next
    /// `up` creates a new and empty one. The old volume stays on the disk under 64 hexadecimal digits until a `prune`
    /// removes it.
    ///
    /// `down -v` and `rm -v` delete it, and `up -V` replaces it with an empty one.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mysql:8.4
    ///     volumes:
    ///       - /var/lib/mysql
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mysql:8.4
    ///     volumes:
    ///       - data:/var/lib/mysql
    /// volumes:
    ///   data:
    /// ```
    "data-on-anonymous-volume", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        let LintMountSource::Anonymous = mount.source else { continue };
        let severity = match store.program.keeps {
            Keeps::Records if store.certain => LintSeverity::Error,
            Keeps::Records | Keeps::Files | Keeps::State => LintSeverity::Warning,
            Keeps::Cache => LintSeverity::Info,
        };
        let name = store.program.name();
        let message =
            format!("{name} keeps its data in an anonymous volume, so it starts empty after `down`");
        report.for_service(service, mount.span, message).severity(severity).help(format!(
            "Use a named volume: `{}_data:{}`.",
            service.name.as_str(),
            mount.target.as_str()
        ));
    }
}
