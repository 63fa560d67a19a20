//! A volume for nothing.

use crate::inventory::known::Keeps;
use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds a Redis or Valkey with a volume that is told not to write to it.
    ///
    /// ## Why it matters
    ///
    /// `--save ""` without `--appendonly yes` switches both ways of writing off. The volume stays empty and everything
    /// is gone after a restart.
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
    "persistence-switched-off", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        let Some(command) = &service.command else { continue };
        let kept = matches!(mount.source, Source::Named(_) | Source::Bind(_) | Source::Unknown(_));
        let off = command.value("--save").is_some_and(|value| matches!(value.as_str(), "" | "\"\"" | "''"));
        let appends = command.value("--appendonly").is_some_and(|value| value == "yes");
        if store.program.keeps == Keeps::Cache && kept && off && !appends {
            let message = format!(
                "{} writes nothing to its volume: `--save \"\"` without `--appendonly yes`",
                store.program.name()
            );
            report
                .of(service, command.span, message)
                .help("Add `--appendonly yes`, or take the volume away.");
        }
    }
}
