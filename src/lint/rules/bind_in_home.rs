//! A directory that depends on who starts the stack.

use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds data below `~`, which is another directory under `sudo` and in cron.
    ///
    /// ## Why it matters
    ///
    /// `~` is the home of whoever runs the command: under `sudo` that of root. The service then starts empty, in a
    /// directory that nobody expects.
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
    "bind-in-home", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        let Source::Bind(path) = &mount.source else { continue };
        if path.as_str().starts_with('~') {
            let message = format!(
                "`{}` is another directory under `sudo`: {} then starts empty",
                path.as_str(),
                store.program.name()
            );
            report.of(service, mount.span, message).help("Use a named volume, `./…`, or a whole path.");
        }
    }
}
