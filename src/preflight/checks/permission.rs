//! Checks that the user of the container can read and write its data.
//!
//! A container that starts as root can: the entry points of the official images give the data to the user of the server,
//! and only then switch to it. With `user:`, or `USER` in the image, nothing gives it to anybody.
//!
//! Computed from owners and mode bits. Parents of the mount do not matter: the engine resolves the path, and the container
//! only sees the mount. An ACL can grant more than the bits of others, but never more than the bits of the group; so a
//! denial is certain if owner, group and others all lack a bit.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::filesystem::FileSystem;
use crate::inventory::known::{IdentityFile, KnownProgram};
use crate::inventory::{LocationSource, StoreKind};
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};
use crate::preflight::user::ContainerUser;

/// Permission bits of one class.
const READ: u32 = 4;
const WRITE: u32 = 2;
const ENTER: u32 = 1;

/// Whether a user has access to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Granted,
    /// Only the group has access, and it is unknown whether the user is a member.
    GroupOnly,
    Denied,
}

/// The access of a user to a file.
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
    if mount.location.read_only || !directory.path.is_dir() || gets_owner_of_image(mount, &directory.path) {
        return;
    }
    let Some((path, access)) = first_denied(mount, &directory.path, user) else {
        return;
    };
    // On a network file system, the server decides.
    let certain = FileSystem::of(&path).is_none_or(FileSystem::enforces_owners);
    let is_database = mount.kind == StoreKind::Qdrant || mount.server.is_some();
    let severity = match access {
        Access::Granted => return,
        Access::GroupOnly if mount.kind != StoreKind::Qdrant => return,
        Access::Denied if certain && is_database => CheckSeverity::Stop,
        Access::Denied | Access::GroupOnly => CheckSeverity::Warn,
    };
    let owner = path.metadata().map(|found| format!("{}:{}", found.uid(), found.gid())).unwrap_or_default();
    let why = match access {
        Access::GroupOnly => {
            format!("it is owned by {owner}, and only members of the group have write access")
        }
        Access::Granted | Access::Denied => format!("it is owned by {owner}"),
    };
    let what = format!("user {} of the container cannot access `{}`", user.for_chown(), path.display());
    let host_path = directory.path.to_string_lossy();
    findings.push(CheckFinding::new(severity, &mount.service, what, why).with_command([
        "sudo",
        "chown",
        "-R",
        &user.for_chown(),
        &host_path,
    ]));
}

/// Whether the engine will copy the image's files and their owner to the volume: an empty volume, on its first mount.
fn gets_owner_of_image(mount: &DataMount, path: &Path) -> bool {
    matches!(mount.location.source, LocationSource::Volume { .. })
        && path.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

/// The first path to which the user has no access, or else the first for which it is uncertain. Where only the program knows
/// which of several directories it uses, one that it can use is enough.
fn first_denied(mount: &DataMount, path: &Path, user: ContainerUser) -> Option<(PathBuf, Access)> {
    let Some(server) = &mount.server else {
        return first_denied_of(needs(mount, path, mount.data_below()), user);
    };
    // One that exists is the one that is used.
    let existing: Vec<&PathBuf> = server.data.iter().filter(|data| path.join(data).is_dir()).collect();
    let candidates = if existing.is_empty() { server.data.iter().collect() } else { existing };
    let mut denied = None;
    for data in candidates {
        let found = first_denied_of(needs(mount, path, data), user)
            .or_else(|| denied_to_others(server.program, &path.join(data), user));
        denied = denied.or(Some(found?));
    }
    denied
}

fn first_denied_of(needs: Vec<(PathBuf, u32)>, user: ContainerUser) -> Option<(PathBuf, Access)> {
    let checked: Vec<(PathBuf, Access)> = needs
        .into_iter()
        .filter_map(|(path, want)| {
            // Skip what we have no permission to read.
            let found = path.metadata().ok()?;
            Some((path, access_of(user, found.uid(), found.gid(), found.mode(), want)))
        })
        .collect();
    let first = |access| checked.iter().find(|(_, found)| *found == access).cloned();
    first(Access::Denied).or_else(|| first(Access::GroupOnly))
}

/// PostgreSQL does not start in a directory of another user, whatever its mode: `initdb` cannot change its permissions, and
/// the server finds its ownership wrong (measured, 15). As root, the official entry point changes the owner first.
fn denied_to_others(program: &KnownProgram, data: &Path, user: ContainerUser) -> Option<(PathBuf, Access)> {
    let owner = data.metadata().ok()?.uid();
    let must_own = program.identity == Some(IdentityFile::PostgreSql);
    (must_own && !user.is_root() && user.uid != owner).then(|| (data.to_owned(), Access::Denied))
}

/// The paths that the server uses, and the access it needs. `below` is the data path, relative to the mount.
fn needs(mount: &DataMount, path: &Path, below: &Path) -> Vec<(PathBuf, u32)> {
    let mut needs = Vec::new();
    let mut data = path.to_owned();
    for part in below.components() {
        let next = data.join(part);
        if !next.exists() {
            break;
        }
        needs.push((std::mem::replace(&mut data, next), ENTER));
    }
    needs.push((data.clone(), READ | WRITE | ENTER));
    if mount.kind == StoreKind::Qdrant {
        // Possibly created by a server that ran as another user; other files are not used.
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
    fn the_first_matching_class_decides() {
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
