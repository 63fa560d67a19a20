//! A volume name that Compose takes for a Windows drive.

use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a volume name of one letter, which Compose takes for a Windows drive.
    ///
    /// ## Why it matters
    ///
    /// Compose reads `n:/n` as one path, so it becomes an anonymous volume at that path, which the engine refuses
    /// (measured with Compose 2.40). The long syntax is not affected.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     volumes: ["n:/data"]
    /// volumes:
    ///   n:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     volumes: ["notes:/data"]
    /// volumes:
    ///   notes:
    /// ```
    "one-letter-volume", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for service in &project.services {
        for mount in service.own_mounts() {
            let target = mount.target.as_str();
            let letter = target.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
            if matches!(mount.source, LintMountSource::Anonymous)
                && !mount.long
                && letter
                && target.get(1..3) == Some(":/")
            {
                let message =
                    format!("Compose takes `{target}` for a path on a Windows drive, not for a volume");
                report.for_service(service, mount.span, message).help("Give the volume a longer name.");
            }
        }
    }
}
