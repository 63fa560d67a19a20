//! A volume that Redis does not write to.

use crate::inventory::known::Keeps;
use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds Redis or Valkey with a volume but with persistence turned off.
    ///
    /// ## Why it matters
    ///
    /// `--save ""` without `--appendonly yes` turns off both ways of writing to the disk. The volume stays empty, and
    /// all data is lost at every restart.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   queue:
    ///     image: redis:8
    ///     command: ["redis-server", "--save", ""]
    ///     volumes: ["queue:/data"]
    /// volumes:
    ///   queue:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   queue:
    ///     image: redis:8
    ///     command: ["redis-server", "--save", "", "--appendonly", "yes"]
    ///     volumes: ["queue:/data"]
    /// volumes:
    ///   queue:
    /// ```
    "persistence-switched-off", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        let Some(command) = &service.command else { continue };
        let kept = matches!(
            mount.source,
            LintMountSource::Named(_) | LintMountSource::Bind(_) | LintMountSource::Unknown(_)
        );
        let off = command.value("--save").is_some_and(|value| matches!(value.as_str(), "" | "\"\"" | "''"));
        let appends = command.value("--appendonly").is_some_and(|value| value == "yes");
        if store.program.keeps == Keeps::Cache && kept && off && !appends {
            let message = format!(
                "{} writes nothing to its volume, because of `--save \"\"` without `--appendonly yes`",
                store.program.name()
            );
            report
                .for_service(service, command.span, message)
                .help("Add `--appendonly yes`, or remove the volume.");
        }
    }
}
