//! The system calls that touch the file system, as strace reports them.

use std::collections::{BTreeMap, BTreeSet};

/// Those that a program makes who reads and writes files.
pub(super) const CALLS: &[&str] = &[
    "openat",
    "openat2",
    "read",
    "pread64",
    "readv",
    "write",
    "pwrite64",
    "writev",
    "lseek",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "lchown",
    "getdents64",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "ftruncate",
    "fallocate",
    "flock",
    "utimensat",
    "copy_file_range",
    "readlink",
    "readlinkat",
    "access",
    "faccessat2",
];

/// One call that is to fail: the `number`-th of its name in its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failure {
    pub(super) call: &'static str,
    pub(super) number: usize,
    pub(super) error: &'static str,
}

/// The errors that the system may return from a call.
fn errors(call: &str) -> &'static [&'static str] {
    match call {
        "openat" | "openat2" => &["EIO", "ENOSPC", "EMFILE", "EACCES"],
        "write" | "pwrite64" | "writev" | "fsync" | "fdatasync" | "fallocate" | "ftruncate"
        | "copy_file_range" => &["EIO", "ENOSPC"],
        "rename" | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat" | "mkdir"
        | "mkdirat" => &["EIO", "ENOSPC", "EACCES"],
        "read" | "pread64" | "readv" | "lseek" | "fstat" | "fstatfs" | "getdents64" | "flock" => &["EIO"],
        _ => &["EIO", "EACCES"],
    }
}

/// Every call on a file below one of the directories that the report of a run without failures has.
pub(super) fn failures(report: &str, directories: &[String]) -> BTreeSet<Failure> {
    let mut counted: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for line in report.lines() {
        // `PID call(arguments) = result`; what was interrupted by another thread goes on in a line with `<...`.
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        let Some(call) = CALLS.iter().copied().find(|call| *call == name) else { continue };
        let number = counted.entry((thread, call)).or_default();
        *number += 1;
        if directories.iter().any(|directory| arguments.contains(directory.as_str())) {
            found.extend(errors(call).iter().map(|error| Failure { call, number: *number, error }));
        }
    }
    found
}

#[test]
fn calls_are_counted_in_each_thread() {
    let report = "7 openat(AT_FDCWD</>, \"/a/x\", O_RDONLY <unfinished ...>\n8  read(3</b/y>, \"\", 5) = 0\n\
        7 <... openat resumed>) = 3</a/x>\n7 read(3</a/x>, \"\", 5) = 0\n8 read(4</a/y>, \"\", 5) = 0\n8 futex(0x1) = 0\n";
    let found = failures(report, &["/a/".to_owned()]);
    let calls: Vec<_> = found.iter().map(|one| (one.call, one.number, one.error)).collect();
    let opened = ["EACCES", "EIO", "EMFILE", "ENOSPC"].map(|error| ("openat", 1, error));
    assert_eq!(calls, [&opened[..], &[("read", 1, "EIO"), ("read", 2, "EIO")]].concat());
}
