//! Archives that somebody has made, in backups whose checksums and manifest fit them. What leads out of its directory, and what
//! is not what the manifest says, is refused before a byte is written, and the message names the file.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use safe_compose::fs::Digest;
use serde_json::Value;
use tar::{EntryType, Header};

use super::only_backup;
use crate::messages::scene::Scene;

/// The name of a backup's archive.
fn archive_of(backup: &Path) -> String {
    let mut names = fs::read_dir(backup)
        .expect("listed")
        .map(|entry| entry.expect("one").file_name().into_string().expect("text"));
    names.find(|name| name.contains(".tar")).expect("an archive")
}

/// A header with a path as it is, which the `tar` crate would refuse to write.
fn header(path: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_gnu_mut().expect("GNU").name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

fn link(path: &str, kind: EntryType, target: &str) -> Header {
    let mut header = header(path, kind, 0);
    header.as_gnu_mut().expect("GNU").linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    header
}

/// An archive of `data` with these entries in it.
fn archive(entries: &[(Header, &[u8])]) -> Vec<u8> {
    let mut bytes = header("data/", EntryType::Directory, 0).as_bytes().to_vec();
    for (header, content) in entries {
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("compressed")
}

/// Puts an archive into a backup, with its size and checksum everywhere.
fn swap(backup: &Path, bytes: &[u8]) {
    let name = archive_of(backup);
    let digest = Digest::of(bytes).to_string();
    let path = backup.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
    let artifact = manifest["artifacts"]
        .as_array_mut()
        .expect("artifacts")
        .iter_mut()
        .find(|one| one["path"] == name.as_str());
    let artifact = artifact.expect("an archive");
    let old = artifact["sha256"].as_str().expect("a digest").to_owned();
    artifact["bytes"] = bytes.len().into();
    artifact["sha256"] = digest.clone().into();
    fs::write(path, serde_json::to_vec_pretty(&manifest).expect("JSON")).expect("written");
    let sums = backup.join("SHA256SUMS");
    fs::write(&sums, fs::read_to_string(&sums).expect("read").replace(&old, &digest)).expect("written");
    fs::write(backup.join(name), bytes).expect("written");
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let file = |path: &str| compressed(&archive(&[(header(path, EntryType::Regular, 4), b"evil")]));
    let linked = |kind, target: &str| {
        let entries = [
            (link("data/x", kind, target), &b""[..]),
            (header("data/x/evil", EntryType::Regular, 4), b"evil"),
        ];
        compressed(&archive(&entries))
    };
    let sound = archive(&[(header("data/f", EntryType::Regular, 4), b"fine")]);
    vec![
        ("a path above", file("../evil")),
        ("a path above from below", file("data/../../evil")),
        ("an absolute path", file("/etc/evil")),
        ("a path with a dot", file("data/./../../evil")),
        ("a hard link that leads out", linked(EntryType::Link, "../../etc/passwd")),
        ("a hard link to an absolute path", linked(EntryType::Link, "/etc/passwd")),
        (
            "a file that is larger than any disk",
            compressed(&archive(&[(header("data/f", EntryType::Regular, 1 << 32), b"")])),
        ),
        (
            "an extended header of gigabytes",
            compressed(&archive(&[(header("x", EntryType::XHeader, 7_000_000_000), b"")])),
        ),
        ("an archive cut off", compressed(&sound[..sound.len() - 1300])),
        ("a compressed file cut off", {
            let all = compressed(&sound);
            all[..all.len() - 5].to_vec()
        }),
        ("what is no archive", b"#!/bin/sh\nrm -rf /\n".to_vec()),
        ("nothing", Vec::new()),
        ("an empty archive", compressed(&[0; 1024])),
        ("another archive behind it", [compressed(&sound), compressed(&sound)].concat()),
        ("a bomb", bomb()),
    ]
}

/// A file of a gigabyte of zeros in a hundred kilobytes, which the manifest knows nothing of.
fn bomb() -> Vec<u8> {
    const SIZE: usize = 1 << 30;
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.write_all(header("data/", EntryType::Directory, 0).as_bytes()).expect("written");
    encoder.write_all(header("data/f", EntryType::Regular, SIZE as u64).as_bytes()).expect("written");
    let zeros = vec![0; 1 << 20];
    for _ in 0..SIZE / zeros.len() {
        encoder.write_all(&zeros).expect("written");
    }
    encoder.write_all(&[0; 1024]).expect("written");
    encoder.finish().expect("compressed")
}

#[test]
fn nothing_of_a_hostile_archive_is_written() {
    for (what, bytes) in hostile() {
        let scene = Scene::shop().stopped();
        assert_eq!(scene.attempt("backup").exit, 0);
        let backup = only_backup(&scene.path("backups/db"));
        swap(&backup, &bytes);
        let before = scene.engine.volume_files("shop_data");
        let refused = scene.attempt("restore latest --service db");
        let token =
            refused.printed.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let attempt = match token {
            Some(token) => scene.attempt(&format!("--safe-allow={token} restore latest --service db")),
            None => refused,
        };
        assert!(!matches!(attempt.exit, 0 | 70 | 77), "{what}: {attempt:?}");
        assert!(attempt.printed.contains(&archive_of(&backup)), "{what}: {}", attempt.printed);
        assert_eq!(scene.engine.volume_files("shop_data"), before, "{what}");
    }
}

/// The same way with an archive that is as it should be: what refuses the others is their contents.
#[test]
fn a_sound_archive_in_the_same_place_is_restored() {
    let scene = Scene::shop().stopped();
    assert_eq!(scene.attempt("backup").exit, 0);
    let backup = only_backup(&scene.path("backups/db"));
    let scene = scene.with_files("shop_data", &[("more", 10)]);
    let bytes = zstd::decode_all(&fs::read(backup.join(archive_of(&backup))).expect("read")[..])
        .expect("decompressed");
    swap(&backup, &compressed(&bytes));
    let attempt = scene.attempt("restore latest --service db");
    let token = attempt.printed.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let line = format!("--safe-allow={} restore latest --service db", token.expect("a token"));
    assert_eq!(scene.attempt(&line).exit, 0);
}

/// The paths of a manifest are those of files in the directory of the backup.
#[test]
fn a_manifest_names_no_file_elsewhere() {
    for path in
        ["../../../evil", "/etc/passwd", "a/../../b", "./data.tar.zst", "manifest.json", "data.tar.zst/", ""]
    {
        let scene = Scene::shop();
        assert_eq!(scene.attempt("backup").exit, 0);
        let backup = only_backup(&scene.path("backups/db"));
        let text = fs::read_to_string(backup.join("manifest.json")).expect("read");
        fs::write(
            backup.join("manifest.json"),
            text.replace(&format!("\"{}\"", archive_of(&backup)), &Value::from(path).to_string()),
        )
        .expect("written");
        for command in ["restore latest --service db", "verify latest", "backups show latest"] {
            let attempt = scene.attempt(command);
            assert!(matches!(attempt.exit, 64 | 74 | 76), "{path}: {command}: {attempt:?}");
        }
    }
}

/// An edited manifest promises anything; sizes that no disk has are no reason to crash.
#[test]
fn absurd_numbers_in_a_manifest_are_only_numbers() {
    for (field, value) in [
        ("sequence", Value::from(u64::MAX)),
        ("created", Value::from("9999-12-31T23:59:59Z")),
        ("created", Value::from("-009999-01-01T00:00:00Z")),
        ("finished", Value::from("0001-01-01T00:00:00Z")),
        ("fingerprint", serde_json::json!({ "kind": "volume", "entries": u64::MAX, "bytes": u64::MAX })),
        ("format_version", Value::from(0)),
    ] {
        let scene = Scene::shop();
        assert_eq!(scene.attempt("backup").exit, 0);
        let path = only_backup(&scene.path("backups/db")).join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        manifest[field] = value.clone();
        fs::write(&path, manifest.to_string()).expect("written");
        for command in [
            "backups",
            "backups show latest",
            "status",
            "verify latest",
            "backup",
            "backups prune",
            "restore latest --service db",
            "backups",
        ] {
            let attempt = scene.attempt(command);
            assert_ne!(attempt.exit, 70, "{field} {value}: {command}: {attempt:?}");
        }
    }
}

#[test]
fn absurd_sizes_in_a_manifest_are_damage() {
    let scene = Scene::shop();
    assert_eq!(scene.attempt("backup").exit, 0);
    let path = only_backup(&scene.path("backups/db")).join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
    for artifact in manifest["artifacts"].as_array_mut().expect("artifacts") {
        artifact["bytes"] = u64::MAX.into();
    }
    fs::write(&path, manifest.to_string()).expect("written");
    for command in ["backups", "status", "backups show latest", "restore latest --service db"] {
        let attempt = scene.attempt(command);
        assert!(
            command == "backups" || command == "status" || matches!(attempt.exit, 64 | 74 | 76),
            "{command}: {attempt:?}"
        );
    }
}
