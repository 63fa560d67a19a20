//! Data in a volume without a name.

use crate::inventory::known::Keeps;
use crate::lint::finding::Severity;
use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds data that is kept in an anonymous volume.
    ///
    /// ## Why it matters
    ///
    /// A path without a source makes a volume that only its container knows. After `down` the next `up` makes a new,
    /// empty one; the old one stays on disk under 64 hexadecimal digits until some `prune` removes it. `down -v`,
    /// `rm -v` and `up -V` remove or replace it at once.
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
    "data-on-anonymous-volume", Error, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        let Source::Anonymous = mount.source else { continue };
        let severity = match store.program.keeps {
            Keeps::Records if store.sure => Severity::Error,
            Keeps::Records | Keeps::Files | Keeps::State => Severity::Warning,
            Keeps::Cache => Severity::Info,
        };
        let name = store.program.name();
        let message = format!("{name} keeps its data in an anonymous volume: after `down` it starts empty");
        report.of(service, mount.span, message).severity(severity).help(format!(
            "Give the volume a name: `{}_data:{}`.",
            service.name.as_str(),
            mount.target.as_str()
        ));
    }
}
