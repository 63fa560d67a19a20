//! A bind mount whose path depends on the user.

use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds data below `~`, which is another directory for another user.
    ///
    /// ## Why it matters
    ///
    /// Compose replaces `~` with the home directory of the user who runs it. Under `sudo` and in cron jobs of root
    /// that is another directory, where the service starts empty.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["~/pg:/var/lib/postgresql/data"]
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["./pg:/var/lib/postgresql/data"]
    /// ```
    "bind-in-home", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        let LintMountSource::Bind(path) = &mount.source else { continue };
        if path.as_str().starts_with('~') {
            let message = format!(
                "`{}` is another directory under `sudo`, where {} starts empty",
                path.as_str(),
                store.program.name()
            );
            report
                .for_service(service, mount.span, message)
                .help("Use a named volume, a path that starts with `./`, or an absolute path.");
        }
    }
}
