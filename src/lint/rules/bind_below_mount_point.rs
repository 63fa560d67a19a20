//! A bind on a disk that may not be there.

use crate::lint::fix::Fix;
use crate::lint::project::{Mount, Project, Source};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds data below a mount point that may be absent when the stack starts.
    ///
    /// ## Why it matters
    ///
    /// Below `/mnt`, `/media`, `/Volumes` or `/run/media` lies another disk or a share. When it is not mounted yet,
    /// the short syntax makes the directory on the system's disk, the database starts empty there, and what it writes is
    /// hidden once the disk appears (compose-spec#639, docker/compose#13602). With `create_host_path: false` the start
    /// fails instead.
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
    "bind-below-mount-point", Warning, check
}

const MOUNT_POINTS: &[&str] = &["/mnt/", "/media/", "/Volumes/", "/run/media/"];

fn check(project: &Project, report: &mut Report) {
    for (service, _, mount) in mounted(project) {
        let Source::Bind(path) = &mount.source else { continue };
        let below = MOUNT_POINTS.iter().any(|point| path.as_str().starts_with(point));
        // In the long syntax Compose creates nothing unless told to (measured with 2.40).
        let creates = mount.create_host_path.unwrap_or(!mount.long);
        if !below || !creates {
            continue;
        }
        let message = format!(
            "when nothing is mounted at `{}` the service starts empty on the system's disk",
            path.as_str()
        );
        let found = report.of(service, mount.span, message);
        found.help(
            "Use the long syntax with `bind: { create_host_path: false }`, so that the start fails instead.",
        );
        if let Some(fix) = long_syntax(project, mount, path.as_str()) {
            found.fix(fix);
        }
    }
}

/// The same mount in the long syntax; only for an item of a block list that is written plainly.
fn long_syntax(project: &Project, mount: &Mount, path: &str) -> Option<Fix> {
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
