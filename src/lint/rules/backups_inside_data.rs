//! Backups that die with what they are of.

use crate::lint::project::{Project, Source, host_path};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds backups that are kept inside of the data directory.
    ///
    /// ## Why it matters
    ///
    /// A backup below the data is deleted with it, grows into the next backup, and fills the database's own disk.
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
    "backups-inside-data", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    let setting = project
        .root
        .get("x-safe-compose")
        .and_then(|settings| settings.get("backup")?.get("directory")?.as_text());
    let backups = setting.and_then(|text| Some((text, host_path(&project.directory, text)?)));
    for (service, store, mount) in mounted(project) {
        let Source::Bind(source) = &mount.source else { continue };
        let Some(data) = host_path(project.files.base(source.span.file), source) else { continue };
        if let Some((text, path)) = &backups
            && path.starts_with(&data)
        {
            let message = format!("backups would be kept inside of the data of {}", store.program.name());
            report
                .of(service, text.span, message)
                .help("Keep them in another directory, best on another disk.");
        }
    }
}
