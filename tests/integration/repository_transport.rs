//! Repositories on servers: what fails, what passes, and how fast.

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use safe_compose::backup::repository::{
    IndexedRepository, RateLimits, RepositoryAccess, RepositoryError, RepositoryLocation, SendOptions, Sent,
};
use safe_compose::backup::store::Verified;
use safe_compose::env::Env;
use safe_compose::error::causes;
use safe_compose::progress::Silent;
use safe_compose::secret::Secret;

use crate::backup_fixture::root;
use crate::repository::{PASSWORD, archive, assert_clean, backup, finished, noise, tar_of, tree};
use crate::rest_stand_in::{Asked, RestStandIn, ServerFault};

/// Longer than any request that works takes.
const LONG: Duration = Duration::from_mins(2);

fn access_of(url: &str, env: &Env, limits: RateLimits) -> RepositoryAccess {
    let location = RepositoryLocation::parse(url).expect("an address");
    RepositoryAccess::new(env, location, Secret::new(PASSWORD), limits)
}

fn access(server: &RestStandIn, stall: Duration) -> RepositoryAccess {
    let url = format!("rest:http://{}/", server.address);
    access_of(&url, &Env::default(), RateLimits::default()).impatient(stall, Duration::from_millis(1))
}

fn open(access: &RepositoryAccess) -> Result<IndexedRepository, RepositoryError> {
    access.open()?.indexed()
}

fn send(access: &RepositoryAccess, backup: &Verified) -> Result<Sent, RepositoryError> {
    let repository = open(access)?;
    let known = repository.backups()?;
    let options = SendOptions { host: "here".to_owned(), set: None };
    repository.send(backup, &options, &known, |_| {})
}

/// The archive of the newest backup, as it comes back.
fn received(access: &RepositoryAccess) -> Result<Vec<u8>, RepositoryError> {
    let repository = open(access)?;
    let newest = repository.backups()?.pop().expect("a backup");
    let (_dir, root) = root();
    repository.receive(&newest, &root, &|_| true, &Silent).map(|backup| tar_of(&backup))
}

/// An archive that differs from every other one.
fn content(seed: &str) -> Vec<u8> {
    let mut files = tree();
    files.insert("data/base/1".to_owned(), noise(seed, 3_000_000));
    finished(archive(&files))
}

fn said(error: RepositoryError) -> String {
    causes(&anyhow::Error::from(error))
}

/// Which requests fail.
type Choice = fn(&Asked) -> bool;

fn is_upload(asked: &Asked) -> bool {
    asked.method == "POST"
}

#[test]
fn what_passes_is_tried_again() {
    let server = RestStandIn::start();
    let access = access(&server, LONG);
    access.init().expect("created");
    let (_dir, root) = root();
    let faults: [(ServerFault, Choice); 8] = [
        (ServerFault::Status(500), |_| true),
        (ServerFault::Status(503), |_| true),
        (ServerFault::Status(429), |_| true),
        (ServerFault::Close, |_| true),
        (ServerFault::ShortAnswer, |asked| asked.method == "GET"),
        (ServerFault::HalfRequest, is_upload),
        // The server then refuses to replace what is there.
        (ServerFault::LostAnswer, |_| true),
        (ServerFault::Close, is_upload),
    ];
    for (day, (fault, hits)) in faults.into_iter().enumerate() {
        let tar = content(&day.to_string());
        let made = backup(&root, &format!("2026-08-0{}T10:00:00Z", day + 1), &tar);
        server.fails(move |asked| (asked.before == 0 && hits(asked)).then_some(fault));
        send(&access, &made).unwrap_or_else(|error| panic!("{fault:?}: {}", said(error)));
        let back = received(&access).unwrap_or_else(|error| panic!("{fault:?}: {}", said(error)));
        assert!(back == tar, "{fault:?}");
    }
    server.fails(|_| None);
    assert_eq!(open(&access).expect("opened").backups().expect("listed").len(), faults.len());
    assert_clean(&server.directory);
}

#[test]
fn a_server_that_stalls_once_is_asked_again() {
    let server = RestStandIn::start();
    access(&server, LONG).init().expect("created");
    let (_dir, root) = root();
    let tar = content("stall");
    let made = backup(&root, "2026-08-01T10:00:00Z", &tar);
    let impatient = access(&server, Duration::from_secs(5));
    let stalls =
        |asked: &Asked| asked.before == 0 && (asked.path.contains("/index/") || asked.path == "/config");
    server.fails(move |asked| stalls(asked).then_some(ServerFault::Stall));
    send(&impatient, &made).expect("the second time, it answers");
    assert!(received(&impatient).expect("the same") == tar);
    assert_clean(&server.directory);
}

#[test]
fn what_stays_is_told_and_does_no_harm() {
    let server = RestStandIn::start();
    let patient = access(&server, LONG);
    patient.init().expect("created");
    let (_dir, root) = root();
    let first = content("first");
    send(&patient, &backup(&root, "2026-08-01T10:00:00Z", &first)).expect("sent");
    let impatient = access(&server, Duration::from_secs(1));
    let mut last = None;
    for (number, (fault, access, expected)) in [
        (
            ServerFault::Status(500),
            &patient,
            "the server answered 500 Internal Server Error: as the test wants",
        ),
        (ServerFault::Status(503), &patient, "the server answered 503 Service Unavailable"),
        (ServerFault::Status(401), &patient, "the server does not accept the account (401 Unauthorized)"),
        (ServerFault::Status(403), &patient, "the server refuses it (403 Forbidden)"),
        (ServerFault::Status(413), &patient, "the server accepts no more data (413 Payload Too Large)"),
        (ServerFault::Status(507), &patient, "the server has no space left (507 Insufficient Storage)"),
        (ServerFault::Close, &patient, "the connection broke before an answer"),
        (ServerFault::HalfRequest, &patient, "the connection broke before an answer"),
        (ServerFault::Stall, &impatient, "the server did nothing for 1 seconds"),
    ]
    .into_iter()
    .enumerate()
    {
        let tar = content(&number.to_string());
        let made = backup(&root, &format!("2026-08-{}T10:00:00Z", number + 10), &tar);
        server.fails(move |asked| (is_upload(asked) && asked.path.starts_with("/data/")).then_some(fault));
        let error = said(send(access, &made).expect_err("it cannot be stored"));
        assert!(error.contains(expected) && error.contains("writing `data/"), "{fault:?}: {error}");
        // The last file of a copy is the snapshot.
        server
            .fails(move |asked| (is_upload(asked) && asked.path.starts_with("/snapshots/")).then_some(fault));
        let error = said(send(access, &made).expect_err("it cannot be finished"));
        assert!(error.contains(expected), "{fault:?}: {error}");
        last = Some((made, tar));
    }
    server.fails(|_| None);
    assert_eq!(open(&patient).expect("opened").backups().expect("listed").len(), 1);
    assert_clean(&server.directory);
    let (made, tar) = last.expect("one at least");
    send(&patient, &made).expect("the server is well again");
    assert!(received(&patient).expect("received") == tar);
    assert_clean(&server.directory);

    let is_data = |asked: &Asked| asked.method == "GET" && asked.path.starts_with("/data/");
    for (fault, access, expected) in [
        (ServerFault::Status(500), &patient, "the server answered 500"),
        (ServerFault::Status(404), &patient, "there is no such file"),
        (ServerFault::ShortAnswer, &patient, "the connection broke in the middle of an answer"),
        (ServerFault::Stall, &impatient, "the server did nothing for 1 seconds"),
        (ServerFault::WholeFile, &patient, "the server sent more than"),
    ] {
        server.fails(move |asked| {
            let hits = is_data(asked) && (asked.is_range || fault != ServerFault::WholeFile);
            hits.then_some(fault)
        });
        let error = said(received(access).expect_err("it cannot be read"));
        assert!(error.contains(expected), "{fault:?}: {error}");
    }
}

#[test]
fn a_server_knows_its_account() {
    let server = RestStandIn::start();
    // `me` and `pass word`.
    server.requires("Basic bWU6cGFzcyB3b3Jk");
    let of_variables = |password: &str| Env {
        rest_account: Some(("me".to_owned(), Secret::new(password))),
        ..Env::default()
    };
    let plain = format!("rest:http://{}/", server.address);
    let within = format!("rest:http://me:pass%20word@{}", server.address);
    access_of(&plain, &of_variables("pass word"), RateLimits::default()).init().expect("created");
    access_of(&within, &of_variables("wrong"), RateLimits::default())
        .open()
        .expect("the address has the account");
    for env in [Env::default(), of_variables("wrong")] {
        let error = access_of(&plain, &env, RateLimits::default()).open().map(drop).expect_err("refused");
        let error = said(error);
        assert!(error.contains("does not accept the account (401 Unauthorized)"), "{error}");
        assert!(!error.contains("wrong"), "{error}");
    }
}

#[test]
fn a_server_that_only_adds_gets_backups_and_refuses_to_prune() {
    let server = RestStandIn::start();
    server.only_adds();
    let access = access(&server, LONG);
    access.init().expect("created");
    let (_dir, root) = root();
    let tar = content("added");
    send(&access, &backup(&root, "2026-08-01T10:00:00Z", &tar)).expect("sent");
    send(&access, &backup(&root, "2026-08-02T10:00:00Z", &tar)).expect("sent");
    let repository = open(&access).expect("opened");
    let all = repository.backups().expect("listed");
    assert_eq!(all.len(), 2);
    let error = said(repository.forget(&all.iter().collect::<Vec<_>>()).expect_err("refused"));
    assert!(
        error.contains("removing `snapshots/") && error.contains("refuses it (403 Forbidden)"),
        "{error}"
    );
    assert_eq!(repository.backups().expect("listed").len(), 2);
    assert_eq!(fs::read_dir(server.directory.join("snapshots")).expect("there").count(), 2);
    assert!(received(&access).expect("received") == tar);
    assert_clean(&server.directory);
}

/// The bytes of all files below a directory.
fn total(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| match entry.metadata().expect("there") {
            meta if meta.is_dir() => total(&entry.path()),
            meta => meta.len(),
        })
        .sum()
}

#[test]
fn everything_that_is_sent_keeps_to_the_limit() {
    let server = RestStandIn::start();
    let local = tempfile::tempdir().expect("a directory");
    let places = [
        (format!("rest:http://{}/", server.address), server.directory.clone()),
        (local.path().join("repository").display().to_string(), local.path().join("repository")),
    ];
    for (url, directory) in places {
        // So high that nothing waits; what passes is counted.
        let limits = RateLimits::new(NonZeroU32::new(u32::MAX), NonZeroU32::new(u32::MAX));
        let access = access_of(&url, &Env::default(), limits.clone());
        access.init().expect("created");
        let (_dir, root) = root();
        let tar = content("limited");
        send(&access, &backup(&root, "2026-08-01T10:00:00Z", &tar)).expect("sent");
        let (sent, before) = limits.passed();
        assert_eq!(sent, total(&directory), "{url}");
        assert!(received(&access).expect("received") == tar);
        let (_, after) = limits.passed();
        assert!(after - before > 3_000_000, "{url}: {before} to {after}");
    }
}
