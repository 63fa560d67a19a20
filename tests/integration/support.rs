//! What several tests need.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::requirements::{missing, unavailable};
use safe_compose::compose::grammar::Grammar;
use safe_compose::policy::{Assessment, BackupStatus, Clearance, Decision, DecisionInput, GuardMode, decide};

/// Writes a file, with the directories above it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>, mode: u32) {
    fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("directories");
    if mode & 0o111 == 0 {
        fs::write(path, content).expect("written");
    } else {
        write_program(path, content.as_ref());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

/// Writes in a process of its own. A child that another test starts at this moment would inherit the open file until it runs
/// its own program, and a program that is open for writing cannot be run ("text file busy").
#[expect(clippy::disallowed_methods, reason = "tests start programs")]
fn write_program(path: &Path, content: &[u8]) {
    let mut copy = Command::new("tee")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("`tee` runs");
    copy.stdin.take().expect("a pipe").write_all(content).expect("written");
    assert!(copy.wait().expect("it ends").success());
}

/// A stand-in for Compose that prints its words, each ended by a NUL.
pub(crate) fn fake_compose(path: &Path) {
    write(path, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n", 0o755);
}

/// A real Compose: `SAFE_COMPOSE_TEST_COMPOSE_V2` or `_V1`, else one that is installed.
#[expect(clippy::disallowed_methods, reason = "tests may look at the environment")]
pub(crate) fn real_compose(grammar: Grammar) -> Option<PathBuf> {
    let (variable, places): (_, &[&str]) = match grammar {
        Grammar::V1 => {
            ("SAFE_COMPOSE_TEST_COMPOSE_V1", &["/usr/bin/docker-compose", "/usr/local/bin/docker-compose"])
        }
        Grammar::V2 => (
            "SAFE_COMPOSE_TEST_COMPOSE_V2",
            &[
                "/usr/local/lib/docker/cli-plugins/docker-compose",
                "/usr/local/libexec/docker/cli-plugins/docker-compose",
                "/usr/lib/docker/cli-plugins/docker-compose",
                "/usr/libexec/docker/cli-plugins/docker-compose",
                "/usr/local/bin/docker-compose",
                "/usr/bin/docker-compose",
                "/opt/compose-v2/docker-compose",
            ],
        ),
    };
    let named = std::env::var_os(variable).map(PathBuf::from);
    let found = named.into_iter().chain(places.iter().map(PathBuf::from)).find(|path| says(path, grammar));
    if found.is_none() {
        let what = format!("no real {grammar} here; name one in {variable}");
        match grammar {
            Grammar::V2 => missing(&what),
            Grammar::V1 => unavailable(&what),
        }
    }
    found
}

/// A file system in memory, unmounted when dropped.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where this process may not mount one.
    pub(crate) fn mount(options: &str) -> Option<Self> {
        let disk = Self(tempfile::tempdir().expect("a directory"));
        let mounted = disk.run(&["-t", "tmpfs", "-o", options, "tmpfs"]);
        if !mounted {
            missing("this process may not mount a file system");
        }
        mounted.then_some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn make_read_only(&self) {
        assert!(self.run(&["-o", "remount,ro"]), "remounted");
    }

    fn run(&self, words: &[&str]) -> bool {
        let words = words.iter().map(OsStr::new).chain([self.path().as_os_str()]);
        let ran = duct::cmd("mount", words).stderr_null().unchecked().run();
        ran.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = duct::cmd!("umount", self.path()).stderr_null().unchecked().run();
    }
}

/// Whether a program is a Compose of that grammar, by its own word.
fn says(path: &Path, grammar: Grammar) -> bool {
    path.is_file()
        && safe_compose::compose::binary::ComposeBinary::new(path, None)
            .grammar()
            .is_ok_and(|said| said == grammar)
}

/// The word of a plan that loses nothing.
pub(crate) fn clearance() -> Clearance {
    let plan = Assessment { engine: "e".into(), project: "p".into(), impacts: Vec::new() };
    let input = DecisionInput {
        plan: &plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: false,
        allow: None,
        now: jiff::Timestamp::now(),
    };
    match decide(&input) {
        Decision::Allow(approval) => approval.clear(BackupStatus::Nothing),
        other => panic!("{other:?}"),
    }
}
