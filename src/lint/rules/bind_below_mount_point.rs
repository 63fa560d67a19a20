//! A bind mount on a disk that may not be mounted.

use crate::lint::fix::Fix;
use crate::lint::project::{LintMount, LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds data below a mount point where no disk may be mounted when the service starts.
    ///
    /// ## Why it matters
    ///
    /// Below `/mnt`, `/media`, `/Volumes` and `/run/media` is usually another disk or a network share. If it is not
    /// mounted when the service starts, the short syntax creates the directory on the system disk. The database then
    /// starts empty, and what it writes is hidden as soon as the disk is mounted (compose-spec#639,
    /// docker/compose#13602).
    ///
    /// With `create_host_path: false` the service does not start instead.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - /mnt/disk/pg:/var/lib/postgresql/data
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - type: bind
    ///         source: /mnt/disk/pg
    ///         target: /var/lib/postgresql/data
    ///         bind: { create_host_path: false }
    /// ```
    "bind-below-mount-point", Warning, Project(check)
}

const MOUNT_POINTS: &[&str] = &["/mnt/", "/media/", "/Volumes/", "/run/media/"];

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, _, mount) in project.mounted_stores() {
        let LintMountSource::Bind(path) = &mount.source else { continue };
        let below = MOUNT_POINTS.iter().any(|point| path.as_str().starts_with(point));
        // In the long syntax Compose only creates the directory if asked to (measured with 2.40).
        let creates = mount.create_host_path.unwrap_or(!mount.long);
        if !below || !creates {
            continue;
        }
        let message = format!(
            "if the disk of `{}` is not mounted, the service starts empty on the system disk",
            path.as_str()
        );
        let found = report.for_service(service, mount.span, message);
        found.help(
            "Use the long syntax with `bind: { create_host_path: false }`, so that the service does not start without it.",
        );
        if let Some(fix) = long_syntax(project, mount, path.as_str()) {
            found.fix(fix);
        }
    }
}

/// The same mount in the long syntax. Only for a plain item of a block list.
fn long_syntax(project: &LintProject, mount: &LintMount, path: &str) -> Option<Fix> {
    let raw = project.files.text(mount.span);
    let plain = raw.trim_matches(['"', '\'']);
    let target = mount.target.as_str();
    let known = plain == format!("{path}:{target}") || plain == format!("{path}:{target}:rw");
    if mount.long || !known || !project.files.is_list_item(mount.span) {
        return None;
    }
    let indent = " ".repeat(mount.span.start.column as usize - 1);
    let text = format!(
        "type: bind\n{indent}source: {path}\n{indent}target: {target}\n{indent}bind:\n{indent}  create_host_path: false"
    );
    Some(Fix::replace(mount.span, text))
}
