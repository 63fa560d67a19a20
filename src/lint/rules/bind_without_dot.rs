//! A directory that Compose takes for the name of a volume.

use crate::lint::fix::Fix;
use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, rule};
use crate::lint::source::Text;

rule! {
    /// Finds a relative path without `./`, which Compose takes for the name of a volume.
    ///
    /// ## Why it matters
    ///
    /// `data/db:/var/lib/mysql` is no directory to Compose: it refuses the file, or, where a volume has that name, the
    /// service starts on an empty volume while its data lies in the directory.
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
    "bind-without-dot", Error, check
}

fn check(project: &Project, report: &mut Report) {
    for service in &project.services {
        for mount in &service.mounts {
            let Source::Named(source) = &mount.source else { continue };
            if !source.is_sure() || !source.as_str().contains(['/', '\\']) {
                continue;
            }
            let message = format!(
                "`{}` is a path to you and the name of a volume to Compose, which refuses it",
                source.as_str()
            );
            let found = report.of(service, mount.span, message);
            found.help(format!("Write `./{}`.", source.as_str()));
            if let Some(fix) = dot(project, source) {
                found.fix(fix);
            }
        }
    }
}

/// `./` before the path, where the file has it as it is read.
fn dot(project: &Project, source: &Text) -> Option<Fix> {
    let raw = project.files.text(source.span);
    let quote = raw.len() - raw.trim_start_matches(['"', '\'']).len();
    raw[quote..].starts_with(source.as_str()).then(|| {
        let at = source.span.part(raw, quote, quote);
        Fix::before(at, "./")
    })
}
