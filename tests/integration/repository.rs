//! Copies of backups in a repository. What restic itself says of it decides.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use safe_compose::backup::manifest::{Artifact, ArtifactContents};
use safe_compose::backup::repository::{
    IndexedRepository, RateLimits, ReadData, RepositoryAccess, RepositoryError, RepositoryLocation,
    RepositorySnapshot, SendOptions, Sent,
};
use safe_compose::backup::store::{BackupOwner, BackupRoot, Verified};
use safe_compose::env::Env;
use safe_compose::process::{Capture, Output, capture_with};
use safe_compose::progress::Silent;
use safe_compose::secret::Secret;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::backup_fixture::{manifest, root, time};
use crate::repository_fixture;
use crate::requirements::missing;

pub(crate) const PASSWORD: &str = "correct horse";

fn access(location: &Path, password: &str) -> RepositoryAccess {
    let location = RepositoryLocation::Local(location.to_owned());
    RepositoryAccess::new(&Env::default(), location, Secret::new(password), RateLimits::default())
}

/// A new repository in a directory.
fn new_repository() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let location = dir.path().join("repository");
    access(&location, PASSWORD).init().expect("created");
    (dir, location)
}

fn open(location: &Path) -> IndexedRepository {
    access(location, PASSWORD).open().expect("opened").indexed().expect("read")
}

pub(crate) fn send(location: &Path, backup: &Verified) -> Result<Sent, RepositoryError> {
    let repository = open(location);
    let known = repository.backups().expect("listed");
    let options = SendOptions { host: "here".to_owned(), set: None };
    repository.send(backup, &options, &known, |_| {})
}

pub(crate) fn newest(location: &Path) -> RepositorySnapshot {
    open(location).backups().expect("listed").pop().expect("one backup")
}

/// Bytes that do not compress.
pub(crate) fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    for block in 0_u64.. {
        if bytes.len() >= length {
            break;
        }
        bytes.extend(Sha256::digest(format!("{seed}{block}")));
    }
    bytes.truncate(length);
    bytes
}

/// Files by their paths below `data`; a directory ends with `/`.
pub(crate) fn archive(files: &BTreeMap<String, Vec<u8>>) -> tar::Builder<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(1_700_000_000);
        header.set_uid(1234);
        header.set_gid(2345);
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o2750);
            header.set_size(0);
        } else {
            header.set_mode(0o640);
            header.set_size(content.len() as u64);
        }
        builder.append_data(&mut header, path, content.as_slice()).expect("in memory");
    }
    builder
}

pub(crate) fn tree() -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        ("data/".to_owned(), Vec::new()),
        ("data/base/".to_owned(), Vec::new()),
        ("data/base/1".to_owned(), noise("one", 9_500_000)),
        ("data/base/2".to_owned(), Vec::new()),
        ("data/empty/".to_owned(), Vec::new()),
        ("data/version".to_owned(), b"15\n".to_vec()),
    ])
}

pub(crate) fn finished(builder: tar::Builder<Vec<u8>>) -> Vec<u8> {
    builder.into_inner().expect("in memory")
}

/// A backup with one compressed archive and one other file.
pub(crate) fn backup(root: &BackupRoot, at: &str, tar: &[u8]) -> Verified {
    let staging = root.stage("db", time(at)).expect("staged");
    let contents = ArtifactContents::Files {
        target: "/var/lib/db".to_owned(),
        source: "volume shop_db".to_owned(),
        attributes: None,
        skipped_sockets: Vec::new(),
    };
    let compressed = zstd::encode_all(tar, 3).expect("in memory");
    let files: Vec<Artifact> = vec![
        staging.write("data.tar.zst", &compressed, contents).expect("written"),
        staging.write("notes/a.sql", b"create table a;\n", ArtifactContents::Note).expect("written"),
    ];
    staging.finish(manifest("db", files)).expect("finished")
}

pub(crate) fn tar_of(backup: &Verified) -> Vec<u8> {
    let file = std::fs::File::open(backup.directory.join("data.tar.zst")).expect("there");
    zstd::decode_all(file).expect("compressed")
}

fn receive(location: &Path, snapshot: &RepositorySnapshot) -> (TempDir, Result<Verified, RepositoryError>) {
    let (dir, root) = root();
    let owner = BackupOwner { project: "shop".to_owned(), engine: Some("OTHER".to_owned()) };
    let root = root.owned_by(owner);
    let received = open(location).receive(snapshot, &root, &|_| true, &Silent);
    (dir, received)
}

/// Runs restic; `None` if there is none.
fn restic(location: &Path, words: &[&str]) -> Option<Output> {
    let args: Vec<OsString> = ["--no-cache", "--repo"]
        .iter()
        .map(OsString::from)
        .chain([location.into()])
        .chain(words.iter().map(OsString::from))
        .collect();
    let Some(program) = Env::from_process().program("restic") else {
        missing("restic");
        return None;
    };
    let run = Capture { program: &program, args: &args, env_remove: &[], stdin: None };
    Some(capture_with(&run, &[("RESTIC_PASSWORD", PASSWORD.into())]).expect("restic starts"))
}

pub(crate) fn assert_clean(location: &Path) {
    if let Some(output) = restic(location, &["check", "--read-data"]) {
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.code == 0 && text.contains("no errors were found"), "{text}");
    }
    let problems = access(location, PASSWORD).open().expect("opened").check(ReadData::All).expect("checked");
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn a_backup_comes_back_byte_by_byte() {
    let (_repository, location) = new_repository();
    let (_dir, root) = root();
    let mut builder = archive(&tree());
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_mode(0o777);
    link.set_size(0);
    builder.append_link(&mut link, "data/zlink", "version").expect("in memory");
    let whole = finished(builder);
    let original = backup(&root, "2026-08-01T10:00:00Z", &whole);
    let sent = send(&location, &original).expect("sent");
    assert!(sent.added > 9_000_000, "{}", sent.added);
    assert_clean(&location);

    let (_dir, received) = receive(&location, &newest(&location));
    let received = received.expect("received");
    assert_eq!(received.name(), original.name());
    assert_eq!(tar_of(&received), whole);
    assert_eq!(std::fs::read(received.directory.join("notes/a.sql")).expect("there"), b"create table a;\n");
    assert_eq!(received.manifest.engine, "OTHER", "it belongs to the engine that it was received for");
    assert_eq!(received.manifest.fingerprint, original.manifest.fingerprint);
    received.check().expect("it agrees with its manifest and its sums");
}

#[test]
fn restic_alone_restores_the_files() {
    let (dir, location) = new_repository();
    let (_dir, root) = root();
    send(&location, &backup(&root, "2026-08-01T10:00:00Z", &finished(archive(&tree())))).expect("sent");
    let target = dir.path().join("restored");
    let text = target.to_string_lossy().into_owned();
    let Some(output) = restic(&location, &["restore", "latest", "--target", &text]) else { return };
    assert_eq!(output.code, 0, "{}", String::from_utf8_lossy(&output.stderr));
    let files = target.join("shop/db/files");
    for (path, content) in tree() {
        let restored = files.join("data").join(&path);
        if path.ends_with('/') {
            assert!(restored.is_dir(), "{path}");
        } else {
            assert_eq!(std::fs::read(&restored).expect("restored"), content, "{path}");
        }
    }
    let meta = files.join("data/data/version").metadata().expect("restored");
    assert_eq!((meta.permissions().mode() & 0o7777, meta.mtime()), (0o640, 1_700_000_000));
    let directory = files.join("data/data").metadata().expect("restored");
    assert_eq!(directory.permissions().mode() & 0o7777, 0o2750);
    assert_eq!(std::fs::read(files.join("notes/a.sql")).expect("restored"), b"create table a;\n");
    let tagged = restic(&location, &["snapshots", "--json", "--tag", "safe-compose,project=shop,service=db"]);
    let tagged = tagged.expect("restic ran before");
    assert!(String::from_utf8_lossy(&tagged.stdout).contains("consistency=cold"));
}

#[test]
fn what_is_there_already_is_not_sent_again() {
    let (_repository, location) = new_repository();
    let (_dir, root) = root();
    let whole = finished(archive(&tree()));
    send(&location, &backup(&root, "2026-08-01T10:00:00Z", &whole)).expect("sent");
    let unchanged = send(&location, &backup(&root, "2026-08-02T10:00:00Z", &whole)).expect("sent");
    assert_eq!(unchanged.added, 0);
    let mut changed = tree();
    changed.insert("data/version".to_owned(), b"16\n".to_vec());
    let changed = finished(archive(&changed));
    let sent = send(&location, &backup(&root, "2026-08-03T10:00:00Z", &changed)).expect("sent");
    assert!(sent.added > 0 && sent.added < 50_000, "only what changed: {}", sent.added);
    assert_clean(&location);
    let all = open(&location).backups().expect("listed");
    assert_eq!(all.len(), 3, "no temporary snapshot is left");
    for (snapshot, expected) in all.iter().zip([&whole, &whole, &changed]) {
        let (_dir, received) = receive(&location, snapshot);
        assert_eq!(&tar_of(&received.expect("received")), expected, "{}", snapshot.stored.name);
    }
}

#[test]
fn an_archive_that_restic_cannot_have_as_files_is_stored_as_one() {
    let (_repository, location) = new_repository();
    let (_dir, root) = root();
    let mut builder = archive(&tree());
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Link);
    link.set_size(0);
    builder.append_link(&mut link, "data/version.link", "data/version").expect("in memory");
    let whole = finished(builder);
    send(&location, &backup(&root, "2026-08-01T10:00:00Z", &whole)).expect("sent");
    assert_clean(&location);
    let all = open(&location).backups().expect("listed");
    assert_eq!(all.len(), 1);
    let (_dir, received) = receive(&location, &all[0]);
    assert_eq!(tar_of(&received.expect("received")), whole);
    if let Some(output) = restic(&location, &["ls", "latest"]) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("/shop/db/files/data.tar"), "{text}");
    }
}

#[test]
fn a_backup_that_is_damaged_on_disk_is_not_sent() {
    let (_repository, location) = new_repository();
    let (_dir, root) = root();
    let made = backup(&root, "2026-08-01T10:00:00Z", &finished(archive(&tree())));
    let file = made.directory.join("notes/a.sql");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("own file");
    std::fs::write(&file, b"create table b;\n").expect("own file");
    let error = send(&location, &made).expect_err("it does not match its digest");
    assert!(error.to_string().contains("incomplete"), "{error}");
    let file = made.directory.join("data.tar.zst");
    let mut bytes = std::fs::read(&file).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("own file");
    send(&location, &made).expect_err("the archive is damaged");
    assert!(open(&location).backups().expect("listed").is_empty());
    assert_clean(&location);
}

#[test]
fn a_repository_that_is_damaged_gives_no_backup() {
    let (_repository, location) = new_repository();
    let (_dir, root) = root();
    send(&location, &backup(&root, "2026-08-01T10:00:00Z", &finished(archive(&tree())))).expect("sent");
    let snapshot = newest(&location);
    let mut packs: Vec<PathBuf> = Vec::new();
    for directory in std::fs::read_dir(location.join("data")).expect("there") {
        let files = std::fs::read_dir(directory.expect("an entry").path()).expect("there");
        packs.extend(files.map(|file| file.expect("an entry").path()));
    }
    let largest = packs.iter().max_by_key(|path| path.metadata().expect("there").len()).expect("a pack");
    let mut bytes = std::fs::read(largest).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::set_permissions(largest, std::fs::Permissions::from_mode(0o600)).expect("own file");
    std::fs::write(largest, bytes).expect("own file");
    let (dir, received) = receive(&location, &snapshot);
    received.expect_err("its data is damaged");
    let left = std::fs::read_dir(dir.path().join("backups/db")).expect("there").count();
    assert!(left <= 1, "nothing but the lock is left");
    let problems = access(&location, PASSWORD).open().expect("opened").check(ReadData::All).expect("checked");
    assert!(!problems.is_empty());
}

#[test]
fn what_cannot_be_opened_is_told_apart() {
    let (dir, location) = new_repository();
    assert!(matches!(access(&location, "wrong").open(), Err(RepositoryError::WrongPassword(_))));
    assert!(matches!(access(&location, PASSWORD).init(), Err(RepositoryError::Exists(_))));
    let nowhere = dir.path().join("nowhere");
    assert!(matches!(access(&nowhere, PASSWORD).open(), Err(RepositoryError::Missing(_))));
    // As that of Git.
    let other = dir.path().join("other");
    std::fs::create_dir_all(other.join("objects")).expect("made");
    assert!(matches!(access(&other, PASSWORD).open(), Err(RepositoryError::Missing(_))));
    std::fs::write(other.join("config"), "[core]\n").expect("written");
    assert!(matches!(access(&other, PASSWORD).open(), Err(RepositoryError::NotARepository(_))));
    let closed = RepositoryLocation::parse("rest:http://127.0.0.1:1/").expect("an address");
    let error =
        RepositoryAccess::new(&Env::default(), closed, Secret::new(PASSWORD), RateLimits::default()).open();
    assert!(matches!(error, Err(RepositoryError::Failed { .. })));
}

#[test]
fn snapshots_of_others_are_left_alone() {
    let (dir, location) = new_repository();
    let own = dir.path().join("own");
    std::fs::write(&own, "data").expect("written");
    let text = own.to_string_lossy().into_owned();
    if restic(&location, &["backup", &text]).is_some() {
        assert!(open(&location).backups().expect("listed").is_empty());
    }
    let (_dir, root) = root();
    let made = backup(&root, "2026-08-01T10:00:00Z", &finished(archive(&tree())));
    send(&location, &made).expect("sent");
    let repository = open(&location);
    let all = repository.backups().expect("listed");
    repository.forget(&all.iter().collect::<Vec<_>>()).expect("removed");
    repository.prune().expect("pruned");
    if let Some(output) = restic(&location, &["snapshots", "--json"]) {
        assert_clean(&location);
        let target = dir.path().join("restored").to_string_lossy().into_owned();
        restic(&location, &["restore", "latest", "--target", &target]).expect("restic ran before");
        let restored = Path::new(&target).join(own.strip_prefix("/").expect("absolute"));
        assert_eq!(std::fs::read(restored).expect("restored"), b"data");
        let mut text = String::new();
        output.stdout.as_slice().read_to_string(&mut text).expect("UTF-8");
        assert_eq!(text.matches("\"time\"").count(), 1, "{text}");
    }
}

#[test]
fn each_of_several_keys_opens_it() {
    let (dir, location) = new_repository();
    let (_dir, root) = root();
    send(&location, &backup(&root, "2026-08-01T10:00:00Z", &finished(archive(&tree())))).expect("sent");
    let new = dir.path().join("new");
    std::fs::write(&new, "battery staple").expect("written");
    let new = new.to_string_lossy().into_owned();
    let Some(added) = restic(&location, &["key", "add", "--new-password-file", &new]) else { return };
    assert_eq!(added.code, 0, "{}", String::from_utf8_lossy(&added.stderr));
    for password in [PASSWORD, "battery staple"] {
        let opened = access(&location, password).open().expect("it has this key");
        assert_eq!(opened.backups().expect("listed").len(), 1);
    }
    assert!(matches!(access(&location, "wrong").open(), Err(RepositoryError::WrongPassword(_))));
}

#[test]
fn a_backup_of_a_newer_version_is_an_error() {
    let (_repository, location) = new_repository();
    let (_dir, root) = root();
    send(&location, &backup(&root, "2026-08-01T10:00:00Z", &finished(archive(&tree())))).expect("sent");
    assert_eq!(open(&location).backups().expect("listed").len(), 1);
    repository_fixture::of_newer_version(&location, PASSWORD);
    let error = open(&location).backups().expect_err("it is newer");
    assert!(matches!(error, RepositoryError::NewerBackup { version: 99, .. }), "{error}");
}
