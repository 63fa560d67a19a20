//! A grace period that is too short.

use std::time::Duration;

use crate::inventory::known::Keeps;
use crate::lint::fix::Fix;
use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database that is killed before it can stop cleanly.
    ///
    /// ## Why it matters
    ///
    /// After the grace period the engine kills the server: a checkpoint is interrupted, the next start has to
    /// recover, and what was not on the disk is lost. Compose waits 10 seconds by default. Less is too short for a
    /// server that has to flush its data (bitwarden#2614).
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
    "grace-period-too-short", Warning, Project(check)
}

const MINIMUM: Duration = Duration::from_secs(10);

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store) in project.stores() {
        let Some((grace, span)) = service.grace else { continue };
        if grace >= MINIMUM || store.program.keeps == Keeps::Files {
            continue;
        }
        let message = format!(
            "{} is killed after {} s, possibly before it has written all data",
            store.program.name(),
            grace.as_secs_f64(),
        );
        report
            .for_service(service, span, message)
            .help("Allow at least the default of 10 seconds, or a minute to be safe.")
            .fix(Fix::replace(span, "1m"));
    }
}
