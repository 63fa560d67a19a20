//! Backups inside the data that they back up.

use crate::lint::project::{LintMountSource, LintProject, host_path};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a backup directory inside a data directory.
    ///
    /// ## Why it matters
    ///
    /// Whatever deletes the data deletes its backups too. They also become part of every later backup, and fill the
    /// disk of the database.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   backup: { directory: ./data/backups }
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["./data:/var/lib/postgresql/data"]
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   backup: { directory: ./backups }
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["./data:/var/lib/postgresql/data"]
    /// ```
    "backups-inside-data", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    let setting = project
        .root
        .get("x-safe-compose")
        .and_then(|settings| settings.get("backup")?.get("directory")?.as_scalar());
    let backups = setting.and_then(|text| Some((text, host_path(&project.directory, text)?)));
    for (service, store, mount) in project.mounted_stores() {
        let LintMountSource::Bind(source) = &mount.source else { continue };
        let Some(data) = host_path(project.files.base(source.span.file), source) else { continue };
        if let Some((text, path)) = &backups
            && path.starts_with(&data)
        {
            let message =
                format!("backups would be stored inside the data directory of {}", store.program.name());
            report
                .for_service(service, text.span, message)
                .help("Use another directory, if possible on another disk.");
        }
    }
}
