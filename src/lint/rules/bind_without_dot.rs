//! A relative path without `./`.

use crate::lint::fix::Fix;
use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::YamlScalar;

rule! {
    /// Finds a relative path without `./`, which Compose takes for the name of a volume.
    ///
    /// ## Why it matters
    ///
    /// To Compose, `data/db:/var/lib/mysql` does not mount the directory `data/db`: it names a volume. Compose
    /// usually refuses the file, because no volume is declared with that name.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mysql:8.4
    ///     volumes:
    ///       - data/db:/var/lib/mysql
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: mysql:8.4
    ///     volumes:
    ///       - ./data/db:/var/lib/mysql
    /// ```
    "bind-without-dot", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for service in &project.services {
        for mount in service.own_mounts() {
            let LintMountSource::Named(source) = &mount.source else { continue };
            if !source.is_known() || !source.as_str().contains(['/', '\\']) {
                continue;
            }
            let message = format!(
                "Compose takes `{}` for the name of a volume, because it does not start with `./`",
                source.as_str()
            );
            let found = report.for_service(service, mount.span, message);
            found.help(format!("Write `./{}`.", source.as_str()));
            if let Some(fix) = dot(project, source) {
                found.fix(fix);
            }
        }
    }
}

/// Inserts `./` before the path, if the file has the path literally.
fn dot(project: &LintProject, source: &YamlScalar) -> Option<Fix> {
    let raw = project.files.text(source.span);
    let quote = raw.len() - raw.trim_start_matches(['"', '\'']).len();
    raw[quote..].starts_with(source.as_str()).then(|| {
        let at = source.span.part(raw, quote, quote);
        Fix::before(at, "./")
    })
}
