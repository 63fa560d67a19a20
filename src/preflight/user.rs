//! The numeric user and group that a container runs as.
//!
//! `user:` and `USER` may contain names, which only `/etc/passwd` of the image resolves. If a name cannot be resolved,
//! permissions are not checked.

use std::io::Read as _;
use std::path::Path;

use futures_util::TryStreamExt as _;

use crate::engine::{Container, Engine};

/// The maximum size of the archive with `/etc/passwd`.
const MAX_ARCHIVE_SIZE: usize = 1 << 20;

/// A user by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContainerUser {
    pub(super) uid: u32,
    /// `None` if only the image defines it.
    pub(super) gid: Option<u32>,
}

impl ContainerUser {
    const ROOT: Self = Self { uid: 0, gid: Some(0) };

    pub(super) fn is_root(self) -> bool {
        self.uid == 0
    }

    /// `1000:1000` or `1000`, as `chown` accepts it.
    pub(super) fn for_chown(self) -> String {
        self.gid.map_or_else(|| self.uid.to_string(), |gid| format!("{}:{gid}", self.uid))
    }
}

/// The account files of an image.
#[derive(Debug, Default)]
struct Accounts {
    passwd: Option<String>,
    group: Option<String>,
}

/// Resolves `user[:group]`. Reads the account files of an existing container to resolve names.
pub(super) async fn resolve(
    spec: &str,
    container: Option<&Container>,
    engine: &dyn Engine,
) -> Option<ContainerUser> {
    let without_files = parse(spec, &Accounts::default());
    if without_files.is_some_and(|user| user.gid.is_some()) {
        return without_files;
    }
    let Some(container) = container else {
        return without_files;
    };
    let accounts = Accounts {
        passwd: file_of(engine, container, "/etc/passwd").await,
        group: file_of(engine, container, "/etc/group").await,
    };
    parse(spec, &accounts)
}

/// Docker's rules (opencontainers/runc, `libcontainer/user`): a user name or id before the colon, a group name or id after
/// it. Without a group, the user's group in `/etc/passwd`, or 0 for an id that is not in it.
fn parse(spec: &str, accounts: &Accounts) -> Option<ContainerUser> {
    let (user, group) = match spec.trim().split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (spec.trim(), None),
    };
    let named_group =
        |name: &str| name.parse().ok().or_else(|| number_of(accounts.group.as_deref()?, name, 2));
    let entry = |key: &str, column: usize| number_of(accounts.passwd.as_deref()?, key, column);
    let (uid, own_group) = match user.parse::<u32>() {
        _ if user.is_empty() || user == "root" => (0, ContainerUser::ROOT.gid),
        Ok(0) => (0, ContainerUser::ROOT.gid),
        Ok(uid) => {
            let listed = accounts.passwd.as_deref().map(|passwd| group_of(passwd, uid).unwrap_or(0));
            (uid, listed)
        }
        Err(_) => (entry(user, 2)?, entry(user, 3)),
    };
    let gid = group.map_or(own_group, named_group);
    Some(ContainerUser { uid, gid })
}

/// A number in a column of the line with this name.
fn number_of(file: &str, name: &str, column: usize) -> Option<u32> {
    file.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|columns| columns.first() == Some(&name))
        .and_then(|columns| columns.get(column)?.trim().parse().ok())
}

/// The group of the user with this id.
fn group_of(passwd: &str, uid: u32) -> Option<u32> {
    passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|columns| columns.get(2).and_then(|column| column.parse().ok()) == Some(uid))
        .and_then(|columns| columns.get(3)?.trim().parse().ok())
}

async fn file_of(engine: &dyn Engine, container: &Container, path: &str) -> Option<String> {
    let mut stream = engine.read_archive(&container.id, Path::new(path)).await.ok()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.try_next().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ARCHIVE_SIZE {
            return None;
        }
    }
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        if entry.header().entry_type().is_file() {
            let mut text = String::new();
            entry.read_to_string(&mut text).ok()?;
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\npostgres:x:70:71::/:/bin/sh\nbroken\napp:x:1000:1001::/:";
    const GROUP: &str = "root:x:0:\ndata:x:2000:app";

    fn known(spec: &str) -> Option<(u32, Option<u32>)> {
        let accounts = Accounts { passwd: Some(PASSWD.into()), group: Some(GROUP.into()) };
        parse(spec, &accounts).map(|user| (user.uid, user.gid))
    }

    fn without_files(spec: &str) -> Option<(u32, Option<u32>)> {
        parse(spec, &Accounts::default()).map(|user| (user.uid, user.gid))
    }

    #[test]
    fn names_are_resolved() {
        assert_eq!(known("postgres"), Some((70, Some(71))));
        assert_eq!(known("postgres:data"), Some((70, Some(2000))));
        assert_eq!(known("app:7"), Some((1000, Some(7))));
        assert_eq!(known("1000"), Some((1000, Some(1001))));
        assert_eq!(known("4242"), Some((4242, Some(0))));
        assert_eq!(known("nobody-here"), None);
    }

    #[test]
    fn without_account_files_only_ids_are_resolved() {
        assert_eq!(without_files(""), Some((0, Some(0))));
        assert_eq!(without_files("root"), Some((0, Some(0))));
        assert_eq!(without_files("1000:1000"), Some((1000, Some(1000))));
        assert_eq!(without_files("1000"), Some((1000, None)));
        assert_eq!(without_files("1000:data"), Some((1000, None)));
        assert_eq!(without_files("postgres"), None);
        assert_eq!(without_files("postgres:5"), None);
    }
}
