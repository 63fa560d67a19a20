//! The machine and the settings of its user: limits, directories, languages, screens.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{COMMANDS, shell, sound, words};
use crate::command_line::{Stage, ended};
use crate::messages::scene::Scene;
use crate::support::Disk;

#[test]
fn few_open_files_are_enough_or_are_named() {
    let stage = Stage::new();
    for command in COMMANDS {
        for limit in [6, 8, 12, 32] {
            let line = format!("ulimit -n {limit}; \"$SAFE\" {}", words(command));
            let output = shell(&stage, &line, &[]);
            sound(&line, &output);
        }
    }
}

#[test]
fn a_directory_that_is_gone_is_named() {
    let stage = Stage::new();
    for command in COMMANDS {
        let line = format!("mkdir -p gone && cd gone && rmdir ../gone && exec \"$SAFE\" {}", words(command));
        sound(&line, &shell(&stage, &line, &[]));
    }
}

#[test]
fn a_project_may_have_a_path_that_is_no_text() {
    let stage = Stage::new();
    let odd = stage.path().join(OsStr::from_bytes(b"a\xe9\n\x1b[2J"));
    fs::create_dir(&odd).expect("a directory");
    fs::copy(stage.path().join("compose.yaml"), odd.join("compose.yaml")).expect("copied");
    for command in COMMANDS {
        let mut run = stage.command(command);
        run.current_dir(&odd);
        let output = run.output().expect("it runs");
        sound(&words(command), &output);
        let shown = [&output.stdout[..], &output.stderr].concat();
        assert!(!shown.contains(&b'\x1b'), "{command:?}: {}", String::from_utf8_lossy(&shown));
    }
}

#[test]
fn every_language_and_screen_gets_the_same_words() {
    let stage = Stage::new();
    let said = |more: &[(&str, &str)]| {
        let output = shell(&stage, "\"$SAFE\" backup; \"$SAFE\" backups", more);
        let all = [output.stdout, output.stderr].concat();
        String::from_utf8(all).expect("text").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let plain = said(&[]);
    assert!(plain.contains("the Docker Engine cannot be used"), "{plain}");
    for language in ["C", "POSIX", "tr_TR.UTF-8", "tr_TR.ISO-8859-9", "ja_JP.eucJP", "nonsense"] {
        assert_eq!(said(&[("LANG", language), ("LC_ALL", language)]), plain, "{language}");
    }
    for columns in ["0", "1", "20", "100000", "-1", "x", "99999999999999999999"] {
        assert_eq!(said(&[("COLUMNS", columns)]), plain, "{columns}");
    }
}

#[test]
fn narrow_screens_break_no_word_and_no_table() {
    let mut scene = Scene::shop().at_width(20);
    for line in
        ["backup", "backups", "status", "backups show latest", "down -v", "--safe-plan down -v", "check"]
    {
        let attempt = scene.attempt(line);
        assert!(!attempt.printed.is_empty(), "{line}");
    }
    scene.run_quietly("backups");
}

#[test]
fn without_a_home_everything_else_works() {
    let stage = Stage::new();
    let closed = stage.path().join("closed");
    fs::create_dir(&closed).expect("a directory");
    fs::set_permissions(&closed, Permissions::from_mode(0o500)).expect("set");
    for command in COMMANDS {
        let command = words(command);
        let plain = sound(&command, &shell(&stage, &format!("\"$SAFE\" {command}"), &[]));
        for home in [
            "unset HOME",
            "HOME=",
            "HOME=/nonexistent/home",
            "HOME=$PWD/closed",
            "HOME=/dev/null",
            "HOME=$PWD/compose.yaml",
        ] {
            let line = format!("{home}; \"$SAFE\" {command}");
            assert_eq!(sound(&line, &shell(&stage, &line, &[])), plain, "{line}");
        }
    }
}

/// The umask of whoever runs a command decides nothing: backups and what describes them stay private.
#[test]
fn files_stay_private_with_any_umask() {
    let before = rustix::process::umask(rustix::fs::Mode::empty());
    let scene = Scene::shop();
    let made = [scene.attempt("backup"), scene.attempt("down"), scene.attempt("backups pin latest")];
    rustix::process::umask(before);
    assert_eq!(made.map(|attempt| attempt.exit), [0, 0, 0]);
    let below = files_below(&scene.path("backups"));
    assert!(below.len() > 8, "{below:?}");
    for path in below {
        let mode = path.symlink_metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut found = vec![directory.to_owned()];
    for path in entries {
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The name by which the program is called is only a name.
#[test]
fn a_strange_name_is_no_obstacle() {
    let stage = Stage::new();
    let link = stage.path().join(OsStr::from_bytes(b"sa\xff\x1b[1mfe"));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_safe-compose"), &link).expect("linked");
    let mut command = assert_cmd::Command::new(&link);
    command
        .current_dir(stage.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SAFE_COMPOSE_COMPOSE", stage.compose());
    let ended = ended({
        command.arg("backups").arg("show").arg("nosuch");
        command
    });
    assert_eq!(ended.code, 64, "{ended:?}");
    assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
}

/// Bytes are free, so a message about space would help nobody.
#[test]
fn a_disk_that_can_have_no_more_files_is_said_to_be_that() {
    let Some(disk) = Disk::mount("size=1m,nr_inodes=4") else { return };
    let failed = (0..8).find_map(|number| {
        let path = disk.path().join(number.to_string());
        safe_compose::fs::write_new(&path, b"x", 0o600).err()
    });
    let said = failed.expect("it is full").to_string();
    assert!(said.contains("it has no free inodes"), "{said}");
    let full = Disk::mount("size=8k,nr_inodes=100").expect("mounted before");
    let failed = safe_compose::fs::write_new(&full.path().join("large"), &vec![b'x'; 20_000], 0o600);
    let said = failed.expect_err("it is full").to_string();
    assert!(said.contains("no space left"), "{said}");
}
