//! `develop.watch` over data.

use crate::lint::project::Project;
use crate::lint::rule::{Report, mounted, rule};
use crate::lint::source::Node;

rule! {
    /// Finds a `develop.watch` rule that copies files of the host over a data directory.
    ///
    /// ## Why it matters
    ///
    /// `watch` makes the container's directory like the host's: what is deleted here is deleted there, inside of
    /// volumes too, and what changes here replaces what the server wrote.
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
    "watch-overwrites-data", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        let watched = service.node.get("develop").and_then(|develop| develop.get("watch"));
        for rule in watched.map(Node::items).unwrap_or_default() {
            let syncs =
                rule.get("action").and_then(Node::as_str).is_some_and(|action| action.starts_with("sync"));
            let Some(target) = rule.get("target").and_then(Node::as_text) else { continue };
            let data = mount.path().unwrap_or_default();
            let inside = target.as_str() == data || target.as_str().starts_with(&format!("{data}/"));
            if syncs && inside {
                let message = format!(
                    "`watch` replaces and deletes files in the data directory of {}",
                    store.program.name()
                );
                report.of(service, target.span, message).help("Copy to a directory beside the data.");
            }
        }
    }
}
