//! Too little time to stop.

use std::time::Duration;

use crate::inventory::known::Keeps;
use crate::lint::fix::Fix;
use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a database that is killed before it can stop.
    ///
    /// ## Why it matters
    ///
    /// After the grace period the engine kills: a checkpoint is cut off, the next start has to recover, and what was
    /// not yet on disk is gone. Compose waits 10 seconds unless the file says otherwise; a value below that is too
    /// short for a server with data to flush (bitwarden#2614).
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mysql:8.4
    ///     stop_grace_period: 1s
    ///     volumes: ["data:/var/lib/mysql"]
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mysql:8.4
    ///     stop_grace_period: 1m
    ///     volumes: ["data:/var/lib/mysql"]
    /// volumes:
    ///   data:
    /// ```
    "grace-period-too-short", Warning, check
}

const LEAST: Duration = Duration::from_secs(10);

fn check(project: &Project, report: &mut Report) {
    for (service, store) in project.stores() {
        let Some((grace, span)) = service.grace else { continue };
        if grace >= LEAST || store.program.keeps == Keeps::Files {
            continue;
        }
        let message = format!(
            "{} is killed after {} seconds, perhaps before it has written everything",
            store.program.name(),
            grace.as_secs_f64(),
        );
        report
            .of(service, span, message)
            .help("Give it at least the usual ten seconds; a minute does no harm.")
            .fix(Fix::replace(span, "1m"));
    }
}
