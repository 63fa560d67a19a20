//! Which mount a path is on, to notice later that a disk is not mounted.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::deepest_existing;

/// The mount that holds a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountPoint {
    pub path: PathBuf,
    /// `ext4`, `nfs4`, `fuse.sshfs`.
    pub kind: String,
    /// `/dev/sdb1`, `server:/export`.
    pub device: String,
}

/// Finds the mount that holds a path, or would hold it once it is created.
pub fn mount_point_of(path: &Path) -> io::Result<MountPoint> {
    let there = deepest_existing(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let table = std::fs::read_to_string("/proc/self/mountinfo")?;
    find(&table, &there.canonicalize()?).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

/// The longest mount point above a path; of several on one another, the last is the one that shows.
fn find(table: &str, path: &Path) -> Option<MountPoint> {
    table
        .lines()
        .filter_map(parse)
        .filter(|mount| path.starts_with(&mount.path))
        .max_by_key(|mount| mount.path.components().count())
}

/// One line of `mountinfo` (`proc_pid_mountinfo(5)`): five fields, of which the last is the mount point, options,
/// optional fields up to a `-`, and then type, device and options.
fn parse(line: &str) -> Option<MountPoint> {
    let mut fields = line.split(' ');
    let path = fields.nth(4)?;
    let mut rest = fields.skip_while(|&field| field != "-").skip(1);
    Some(MountPoint {
        path: PathBuf::from(unescaped(path)),
        kind: rest.next()?.to_owned(),
        device: unescaped(rest.next()?),
    })
}

/// Spaces, tabs, line ends and backslashes are written as three octal digits.
fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(byte) if byte.is_ascii() => {
                text.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            _ => {
                text.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:17 / /mnt/big\\040disk rw shared:2 master:1 - xfs /dev/sdb1 rw
31 22 0:50 / /mnt rw - nfs4 server:/export rw
32 22 0:51 / /mnt rw - ext4 /dev/sdc1 rw";

    #[test]
    fn the_longest_and_last_mount_wins() {
        let device = |path: &str| find(TABLE, Path::new(path)).expect("found").device;
        assert_eq!(device("/mnt/big disk/qdrant"), "/dev/sdb1");
        assert_eq!(device("/mnt/big"), "/dev/sdc1");
        assert_eq!(device("/mntx"), "/dev/sda1");
    }

    #[test]
    fn this_machine_has_a_root() {
        let mount = mount_point_of(Path::new("/no/such/path")).expect("found");
        assert!(mount.path == Path::new("/"), "{mount:?}");
        assert_eq!(mount_point_of(Path::new("/proc/self")).expect("found").kind, "proc");
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescaped("a\\040b\\134c\\9"), "a b\\c\\9");
    }
}
