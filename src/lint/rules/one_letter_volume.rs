//! A volume that Compose takes for a Windows drive.

use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a volume whose name is one letter, which Compose takes for a Windows drive.
    ///
    /// ## Why it matters
    ///
    /// `n:/n` is read as one path, and so as an anonymous volume at that path; the engine refuses it (measured with
    /// Compose 2.40). The long syntax is not affected.
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
    "one-letter-volume", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for service in &project.services {
        for mount in &service.mounts {
            let target = mount.target.as_str();
            let letter = target.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
            if matches!(mount.source, Source::Anonymous)
                && !mount.long
                && letter
                && target.get(1..3) == Some(":/")
            {
                let message =
                    format!("Compose takes `{target}` for a path on a Windows drive, not for a volume");
                report.of(service, mount.span, message).help("Give the volume a longer name.");
            }
        }
    }
}
