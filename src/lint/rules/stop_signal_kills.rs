//! A stop signal that kills.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database that is stopped with a signal that kills it.
    ///
    /// ## Why it matters
    ///
    /// `SIGKILL` cannot be handled, and `SIGQUIT` makes PostgreSQL abort and recover at the next start. What is not
    /// on the disk is lost. Images set the right signal themselves.
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
    "stop-signal-kills", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store) in project.stores() {
        let Some(signal) = &service.stop_signal else { continue };
        let name = signal.as_str().trim_start_matches("SIG");
        let kills = matches!(name, "KILL" | "9" | "ABRT" | "6" | "SEGV" | "11")
            || matches!(name, "QUIT" | "3") && store.program.name().starts_with("postgres");
        if kills {
            let message = format!(
                "`{}` kills {} before it has written all data",
                signal.as_str(),
                store.program.name()
            );
            report
                .for_service(service, signal.span, message)
                .help("Remove `stop_signal`. The image sets the right one.");
        }
    }
}
