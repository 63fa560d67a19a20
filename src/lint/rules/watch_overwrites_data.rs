//! `develop.watch` on a data directory.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::YamlNode;

rule! {
    /// Finds `develop.watch` set to sync files of the host into a data directory.
    ///
    /// ## Why it matters
    ///
    /// `watch` makes a directory in the container like that of the host, also inside volumes: a file that is
    /// deleted on the host is deleted there, and a file that changes on the host replaces what the server wrote.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["data:/var/lib/postgresql/data"]
    ///     develop:
    ///       watch:
    ///         - { action: sync, path: ./seed, target: /var/lib/postgresql/data/seed }
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["data:/var/lib/postgresql/data"]
    ///     develop:
    ///       watch:
    ///         - { action: sync, path: ./seed, target: /docker-entrypoint-initdb.d }
    /// volumes:
    ///   data:
    /// ```
    "watch-overwrites-data", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        let watched = service.node.get("develop").and_then(|develop| develop.get("watch"));
        for rule in watched.map(YamlNode::items).unwrap_or_default() {
            let syncs = rule
                .get("action")
                .and_then(YamlNode::as_str)
                .is_some_and(|action| action.starts_with("sync"));
            let Some(target) = rule.get("target").and_then(YamlNode::as_scalar) else { continue };
            let data = mount.path().unwrap_or_default();
            let inside = target.as_str() == data || target.as_str().starts_with(&format!("{data}/"));
            if syncs && inside {
                let message = format!(
                    "`watch` replaces and deletes files in the data directory of {}",
                    store.program.name()
                );
                report
                    .for_service(service, target.span, message)
                    .help("Sync to a directory outside of the data.");
            }
        }
    }
}
