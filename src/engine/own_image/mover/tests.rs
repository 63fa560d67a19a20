//! The program, run on this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;

/// A directory with the program for this machine; `None` where there is none.
struct Stand {
    directory: tempfile::TempDir,
}

impl Stand {
    fn new() -> Option<Self> {
        let native = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "arm" => "arm",
            _ => return None,
        };
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("mover");
        fs::write(&path, program(native).expect("known")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
        Some(Self { directory })
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn write(&self, below: &str, content: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("below the directory")).expect("made");
        fs::write(path, content).expect("written");
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).expect("there")
    }

    #[expect(clippy::disallowed_methods, reason = "the test runs the generated program")]
    fn run(&self, list: &[u8]) -> i64 {
        fs::write(self.path("list"), list).expect("written");
        loop {
            match std::process::Command::new(self.path("mover")).arg(self.path("list")).status() {
                Ok(status) => return status.code().expect("not ended by a signal").into(),
                // Another test may be between fork and exec and still have the file open for writing.
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn list(&self, lines: &[&str]) -> MoveList {
        let mut list = MoveList::default();
        for line in lines {
            let words: Vec<PathBuf> = line.split(' ').skip(1).map(|word| self.path(word)).collect();
            list.push(match line.as_bytes()[0] {
                b'm' => Operation::Rename { from: &words[0], to: &words[1] },
                b'u' => Operation::RemoveFile(&words[0]),
                _ => Operation::RemoveDirectory(&words[0]),
            });
        }
        list
    }
}

const SWITCH: &[&str] = &["m v/a v/old/a", "m v/gone v/old/gone", "m v/new/a v/a", "m v/new/dir v/dir"];

#[test]
fn a_list_can_be_carried_out_again_after_any_interruption() {
    for done in 0..=SWITCH.len() {
        let Some(stand) = Stand::new() else { return };
        stand.write("v/a", "old");
        stand.write("v/gone", "gone");
        stand.write("v/old/.keep", "");
        stand.write("v/new/a", "new");
        stand.write("v/new/dir/f", "f");
        assert_eq!(stand.run(&stand.list(&SWITCH[..done]).into_bytes()), 0);
        for _ in 0..2 {
            assert_eq!(stand.run(&stand.list(SWITCH).into_bytes()), 0, "after {done}");
            assert_eq!((stand.read("v/a"), stand.read("v/old/a")), ("new".into(), "old".into()));
            assert_eq!((stand.read("v/dir/f"), stand.read("v/old/gone")), ("f".into(), "gone".into()));
            assert!(!stand.path("v/gone").exists());
        }
    }
}

#[test]
fn links_are_moved_and_removed_and_not_followed() {
    let Some(stand) = Stand::new() else { return };
    stand.write("v/x", "x");
    stand.write("kept", "kept");
    std::os::unix::fs::symlink(stand.path("kept"), stand.path("v/link")).expect("made");
    std::os::unix::fs::symlink("/nowhere", stand.path("v/taken")).expect("made");
    assert_eq!(stand.run(&stand.list(&["m v/x v/taken", "u v/link"]).into_bytes()), 0);
    assert_eq!((stand.read("v/x"), stand.read("kept")), ("x".into(), "kept".into()));
    assert!(stand.path("v/link").symlink_metadata().is_err());
}

#[test]
fn everything_is_removed_the_list_last() {
    let Some(stand) = Stand::new() else { return };
    stand.write("v/d/f", "f");
    let list = stand.list(&["u v/d/f", "u v/d/none", "d v/d", "d v/none", "d v", "u list"]);
    assert_eq!(stand.run(&list.into_bytes()), 0);
    assert!(!stand.path("v").exists() && !stand.path("list").exists());
}

#[test]
fn an_error_stops_it_and_is_its_exit_code() {
    let Some(stand) = Stand::new() else { return };
    stand.write("v/d/f", "f");
    stand.write("v/after", "");
    let list = stand.list(&["d v/d", "u v/after"]);
    assert_eq!(stand.run(&list.into_bytes()), i64::from(rustix::io::Errno::NOTEMPTY.raw_os_error()));
    assert!(stand.path("v/after").exists());
}

#[test]
fn a_list_that_was_cut_does_nothing() {
    let Some(stand) = Stand::new() else { return };
    stand.write("v/e", "");
    // Cut behind any letter, also an `e`.
    let list = stand.list(&["u v/e", "u v/e"]).into_bytes();
    for end in 1..list.len() {
        assert!(!MoveList::is_complete(&list[..end]));
        assert_eq!(stand.run(&list[..end]), INCOMPLETE, "{end}");
        assert!(stand.path("v/e").exists());
    }
    assert_eq!(stand.run(&list), 0);
    assert!(!stand.path("v/e").exists());
}

#[test]
fn a_list_as_long_as_a_page_is_read_to_its_end() {
    let Some(stand) = Stand::new() else { return };
    let page = 64 * 1024;
    let last = stand.path("v/last");
    let mut list = MoveList::default();
    while list.0.len() < page - 2000 {
        list.push(Operation::RemoveFile(Path::new("/nonexistent")));
    }
    let last_record = "u".len() + last.as_os_str().len() + "\0e".len();
    let filler = page - list.0.len() - last_record - "u\0".len();
    let filler = "/n".repeat(filler / 2) + &"/".repeat(filler % 2);
    list.push(Operation::RemoveFile(Path::new(&filler)));
    list.push(Operation::RemoveFile(&last));
    let bytes = list.into_bytes();
    assert_eq!(bytes.len(), page);
    stand.write("v/last", "");
    assert_eq!(stand.run(&bytes), 0);
    assert!(!last.exists());
}

#[test]
fn what_is_written_is_read() {
    let mut list = MoveList::default();
    let operations = [
        Operation::Rename { from: Path::new("/a b"), to: Path::new("/c\n") },
        Operation::RemoveFile(Path::new("/e")),
        Operation::RemoveDirectory(Path::new("/d")),
    ];
    for operation in operations {
        list.push(operation);
    }
    let bytes = list.into_bytes();
    assert_eq!(MoveList::parse(&bytes).expect("complete"), operations);
    assert_eq!(MoveList::parse(&bytes[..bytes.len() - 1]), None);
    assert!(MoveList::is_complete(&MoveList::default().into_bytes()));
}
