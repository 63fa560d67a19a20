//! A stop that is a kill.

use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a store that is stopped with a signal that ends it at once.
    ///
    /// ## Why it matters
    ///
    /// `SIGKILL` cannot be caught; `SIGQUIT` makes PostgreSQL drop everything and recover at the next start. What is
    /// not on disk is lost. Leave the signal to the image, which knows the right one.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     stop_signal: SIGKILL
    ///     volumes: ["data:/var/lib/postgresql/data"]
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
    ///     stop_signal: SIGINT
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    "stop-signal-kills", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store) in project.stores() {
        let Some(signal) = &service.stop_signal else { continue };
        let name = signal.as_str().trim_start_matches("SIG");
        let kills = matches!(name, "KILL" | "9" | "ABRT" | "6" | "SEGV" | "11")
            || matches!(name, "QUIT" | "3") && store.program.name().starts_with("postgres");
        if kills {
            let message = format!(
                "`{}` ends {} at once, without writing what it has in memory",
                signal.as_str(),
                store.program.name()
            );
            report
                .of(service, signal.span, message)
                .help("Leave `stop_signal` out: the image has the right one.");
        }
    }
}
