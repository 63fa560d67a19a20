//! Backups on disks that are too small, by a little or by much, and on one that can have no more files.

use std::fs;
use std::process::Command;

use super::stack::{SERVICES, Seen, Stack};
use crate::requirements::missing;
use crate::support::scratch::Ran;

/// Sizes of disks in kilobytes around what the backups need, and how many files they can have.
const DISKS: [(u32, u32); 10] = [
    (64, 1000),
    (1000, 1000),
    (5000, 1000),
    (6600, 1000),
    (12_000, 1000),
    (13_000, 1000),
    (19_000, 1000),
    (25_000, 1000),
    (60_000, 20),
    (60_000, 1000),
];

struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_too_small_costs_a_backup_and_nothing_else() {
    let Some(stack) = Stack::new("") else { return };
    stack.write(1);
    let before = stack.seen();
    let (mut failed, mut made) = (0, 0);
    for (kilobytes, files) in DISKS {
        let what = format!("{kilobytes} kB, {files} files");
        let directory = stack.project.path("backups");
        fs::create_dir_all(&directory).expect("a directory");
        let options = format!("size={kilobytes}k,nr_inodes={files}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&directory).status();
        if !mounted.is_ok_and(|status| status.success()) {
            return missing("this process may not mount a file system");
        }
        let disk = Mounted(directory);
        let ran = stack.project.safe(&["backup"]);
        is_sound(&stack, &what, &ran);
        if ran.code == 0 {
            made += 1;
            assert_eq!(stack.seen(), before, "{what}: {}", ran.stderr);
            let has_backup = |service: &&str| stack.project.backups(service).len() == 1;
            assert!(SERVICES.iter().all(has_backup), "{what}: {}", ran.stderr);
        } else {
            failed += 1;
            says_what_is_missing(&stack, &what, &ran, &before);
            // What cannot be backed up is not destroyed.
            let ran = stack.confirmed(&["down", "-v"]);
            is_sound(&stack, &what, &ran);
            says_what_is_missing(&stack, &what, &ran, &before);
        }
        drop(disk);
    }
    assert!(failed > 4 && made > 1, "{failed} failed, {made} were made");
}

/// It ended as it should, and what is listed is a backup.
fn is_sound(stack: &Stack, what: &str, ran: &Ran) {
    stack.wait_for_the_end();
    assert!(matches!(ran.code, 0 | 74), "{what}: {}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
    let listed = stack.project.safe(&["backups", "list", "--format", "json"]).exits(0);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    for backup in listed.as_array().expect("a list") {
        stack.project.safe(&["backups", "show", backup["name"].as_str().expect("a name")]).exits(0);
    }
}

fn says_what_is_missing(stack: &Stack, what: &str, ran: &Ran, before: &Seen) {
    assert_eq!(ran.code, 74, "{what}: {}", ran.stderr);
    let names_it = ["space", "inodes"].iter().any(|word| ran.stderr.contains(word));
    assert!(names_it, "{what}: {}", ran.stderr);
    assert_eq!(stack.seen(), *before, "{what}: {}", ran.stderr);
    assert!(stack.left_over().is_empty(), "{what}: {:?}", stack.left_over());
}
