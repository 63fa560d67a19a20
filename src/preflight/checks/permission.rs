//! The user that the container runs as can use its data.
//!
//! Worked out from owners and mode bits. A directory above the mount does not matter: the engine resolves the path, the
//! container only sees what is mounted. An access list can give more than the bits show, but never more than the bits
//! of the group; so a "no" is sure wherever owner, group and others all lack a bit.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::filesystem::FileSystem;
use crate::inventory::{LocationSource, StoreKind};
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};
use crate::preflight::user::ContainerUser;

/// What a user wants of a file: the bits of one class.
const READ: u32 = 4;
const WRITE: u32 = 2;
const ENTER: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Granted,
    /// Only the group may, and whether the user is in it is not known here.
    GroupOnly,
    Denied,
}

/// Whether a user may do something with a file.
fn access_of(user: ContainerUser, owner: u32, group: u32, mode: u32, want: u32) -> Access {
    let class = |shift: u32| (mode >> shift) & want == want;
    if user.is_root() {
        Access::Granted
    } else if user.uid == owner {
        if class(6) { Access::Granted } else { Access::Denied }
    } else if user.gid == Some(group) {
        if class(3) { Access::Granted } else { Access::Denied }
    } else if class(0) {
        Access::Granted
    } else if class(3) {
        Access::GroupOnly
    } else {
        Access::Denied
    }
}

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let (Some(directory), Some(user)) = (&mount.directory, mount.user) else {
        return;
    };
    if mount.location.read_only || !directory.path.is_dir() || gets_the_images_owner(mount, &directory.path) {
        return;
    }
    let Some((path, access)) = first_denied(mount, &directory.path, user) else {
        return;
    };
    // On a network file system the server has the last word.
    let sure = FileSystem::of(&path).is_none_or(FileSystem::keeps_owners);
    let severity = match (access, mount.kind) {
        (Access::Granted, _) | (Access::GroupOnly, StoreKind::Volume) => return,
        (Access::Denied, StoreKind::Qdrant) if sure => CheckSeverity::Stop,
        (Access::Denied, _) | (Access::GroupOnly, StoreKind::Qdrant) => CheckSeverity::Warn,
    };
    let owner = path.metadata().map(|found| format!("{}:{}", found.uid(), found.gid())).unwrap_or_default();
    let why = match access {
        Access::GroupOnly => format!("it belongs to {owner}, and only members of its group may write"),
        Access::Granted | Access::Denied => format!("it belongs to {owner}"),
    };
    let what = format!("user {} of the container cannot use `{}`", user.for_chown(), path.display());
    let host_path = directory.path.to_string_lossy();
    findings.push(CheckFinding::new(severity, &mount.service, what, why).with_command([
        "sudo",
        "chown",
        "-R",
        &user.for_chown(),
        &host_path,
    ]));
}

/// A volume that is still empty is filled from the image on its first mount, and gets the image's owner with it.
fn gets_the_images_owner(mount: &DataMount, path: &Path) -> bool {
    matches!(mount.location.source, LocationSource::Volume { .. })
        && path.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

/// The first path that the user cannot use as the server has to, or the first that is in doubt.
fn first_denied(mount: &DataMount, path: &Path, user: ContainerUser) -> Option<(PathBuf, Access)> {
    let judged: Vec<(PathBuf, Access)> = needs(mount, path)
        .into_iter()
        .filter_map(|(path, want)| {
            // What we may not look at, we do not judge.
            let found = path.metadata().ok()?;
            Some((path, access_of(user, found.uid(), found.gid(), found.mode(), want)))
        })
        .collect();
    let first = |access| judged.iter().find(|(_, found)| *found == access).cloned();
    first(Access::Denied).or_else(|| first(Access::GroupOnly))
}

/// What the server has to be able to use, and how.
fn needs(mount: &DataMount, path: &Path) -> Vec<(PathBuf, u32)> {
    let mut needs = Vec::new();
    let mut data = path.to_owned();
    for part in mount.data_below().components() {
        let next = data.join(part);
        if !next.exists() {
            break;
        }
        needs.push((std::mem::replace(&mut data, next), ENTER));
    }
    needs.push((data.clone(), READ | WRITE | ENTER));
    if mount.kind == StoreKind::Qdrant {
        // Left by a server that ran as another user; other files do not concern it.
        needs.push((data.join("raft_state.json"), READ));
        needs.push((data.join("aliases"), READ | WRITE | ENTER));
        let collections = data.join("collections");
        let inside = collections.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        needs.extend(inside.filter(|path| path.is_dir()).map(|path| (path, READ | WRITE | ENTER)));
        needs.push((collections, READ | WRITE | ENTER));
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u32 = READ | WRITE | ENTER;

    fn user(uid: u32, gid: Option<u32>) -> ContainerUser {
        ContainerUser { uid, gid }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        for (who, owner, group, mode, want, access) in [
            (user(0, Some(0)), 7, 7, 0o000, ALL, Access::Granted),
            (user(1000, Some(1000)), 1000, 0, 0o700, ALL, Access::Granted),
            (user(1000, Some(1000)), 1000, 0, 0o077, ALL, Access::Denied),
            (user(1000, Some(1000)), 1000, 0, 0o500, ALL, Access::Denied),
            (user(1000, Some(1000)), 1000, 0, 0o500, READ | ENTER, Access::Granted),
            (user(1000, Some(5)), 0, 5, 0o770, ALL, Access::Granted),
            (user(1000, Some(5)), 0, 5, 0o707, ALL, Access::Denied),
            (user(1000, Some(5)), 0, 0, 0o755, ALL, Access::Denied),
            (user(1000, Some(5)), 0, 0, 0o755, ENTER, Access::Granted),
            (user(1000, Some(5)), 0, 0, 0o777, ALL, Access::Granted),
            (user(1000, Some(5)), 0, 9, 0o775, ALL, Access::GroupOnly),
            (user(1000, None), 0, 0, 0o775, ALL, Access::GroupOnly),
            (user(1000, None), 0, 0, 0o755, ALL, Access::Denied),
            (user(1000, None), 0, 0, 0o41777, ALL, Access::Granted),
        ] {
            assert_eq!(access_of(who, owner, group, mode, want), access, "{who:?} {owner}:{group} {mode:o}");
        }
    }
}
