//! Copies of backups off the machine, on a real engine, with real servers; restic judges.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::requirements::missing;
use crate::support::bare::{Bare, docker};
use crate::support::scratch::{Ran, ran};
use crate::support::{Compose, Scratch};

const PASSWORD: &str = "correct horse";

/// A service with files in a volume, one of them large.
fn stack(image: &str, url: &str, more: &str) -> String {
    let script = "busybox test -e /data/MARK || { busybox mkdir -p /data/d; busybox head -c 9000000 /dev/urandom > /data/d/large; echo small > /data/d/small; echo x > /data/MARK; }; trap 'exit 0' TERM; while :; do busybox sleep 1 & wait $!; done";
    let script = script.replace('$', "$$");
    format!(
        "services:\n  app:\n    image: {image}\n    volumes: [ \"data:/data\" ]\n    command: [ \"/bin/sh\", \"-c\", \"{script}\" ]\nvolumes: {{ data: {{}} }}\nx-safe-compose:\n  backup:\n    repository: {{ url: \"{url}\", password_file: password{more} }}\n"
    )
}

/// The project, running, with its password.
pub(crate) fn started(bare: &Bare, url: &str, more: &str) -> Option<Scratch> {
    let image = bare.image(&[]);
    let project = Scratch::new(Compose::V2, &stack(&image, url, more))?;
    fs::write(project.path("password"), PASSWORD).expect("written");
    project.plain(&["up", "-d"]).exits(0);
    wait_for(|| sums(&project).contains("MARK"));
    Some(project)
}

#[track_caller]
pub(crate) fn wait_for(is_there: impl Fn() -> bool) {
    assert!((0..600).any(|_| is_there() || {
        std::thread::sleep(Duration::from_millis(100));
        false
    }));
}

/// The digests of the files, as the service has them.
pub(crate) fn sums(project: &Scratch) -> String {
    let script = "busybox find /data -type f | busybox sort | busybox xargs busybox sha256sum; busybox find /data | busybox sort | busybox xargs busybox stat -c '%n %a %u'";
    project.plain(&["exec", "-T", "app", "/bin/sh", "-c", script]).stdout
}

pub(crate) fn restic(repository: &Path, words: &[&str]) -> Option<Ran> {
    let is_there = Command::new("restic").arg("version").stdout(Stdio::null()).status().is_ok();
    if !is_there {
        missing("restic");
        return None;
    }
    let mut command = Command::new("restic");
    command.args(["--no-cache", "--repo"]).arg(repository).args(words).env("RESTIC_PASSWORD", PASSWORD);
    Some(ran(command))
}

#[track_caller]
pub(crate) fn assert_clean(repository: &Path) {
    if let Some(checked) = restic(repository, &["check", "--read-data"]) {
        assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    }
}

/// Removes everything of the project from this machine but its own files.
pub(crate) fn lose(project: &Scratch) {
    project.plain(&["down", "-v", "-t", "1"]).exits(0);
    fs::remove_dir_all(project.path("backups")).expect("there");
    fs::remove_dir_all(project.path(".state")).expect("there");
}

#[test]
fn a_lost_project_comes_back_from_its_repository() {
    let Some(bare) = Bare::new("repository") else { return };
    let Some(project) = started(&bare, "./off/machine", ", required: true") else { return };
    let repository = project.path("off/machine");
    let before = sums(&project);
    project.confirmed(&["trust"]);
    project.safe(&["repository", "init"]).exits(0).says("created the repository");
    project.confirmed(&["down", "-v"]).says("copied `app_backup_");
    assert!(docker(&["volume", "inspect", &project.volume("data")]).is_err());
    assert_clean(&repository);

    lose(&project);
    project.safe(&["restore", "--from", "repository"]).exits(77).says("trust");
    project.confirmed(&["trust"]);
    let plan = project.safe(&["restore", "--from", "repository", "--dry-run"]).exits(0).stdout;
    assert!(plan.contains("copy backup `app_backup_"), "{plan}");
    assert!(!project.path("backups/app").exists(), "a dry run copies nothing");
    project.safe(&["restore", "--from", "repository"]).exits(0).says("copied `app_backup_");
    assert_eq!(sums(&project), before);

    // What did not change is not sent again; then something does.
    project.plain(&["stop", "-t", "1"]).exits(0);
    project.safe(&["backup"]).exits(0).says("kB added)");
    project.safe(&["backup"]).exits(0).says("(0 B added)");
    project.plain(&["start"]).exits(0);
    project.plain(&["exec", "-T", "app", "/bin/sh", "-c", "echo changed > /data/d/small"]).exits(0);
    let changed = sums(&project);
    project.safe(&["backup"]).exits(0);
    assert_clean(&repository);
    lose(&project);
    project.confirmed(&["trust"]);
    project.safe(&["restore", "--from", &repository.display().to_string()]).exits(0);
    assert_eq!(sums(&project), changed);
    project.safe(&["repository", "check", "--read-data"]).exits(0).says("is intact");
}

#[test]
fn nothing_is_contacted_before_the_user_has_agreed() {
    let Some(bare) = Bare::new("repository-trust") else { return };
    let Some(project) = started(&bare, "./off", "") else { return };
    project.safe(&["backup"]).exits(0).says("you have not agreed");
    project.safe(&["repository", "init"]).exits(77);
    assert!(!project.path("off").exists());
}

#[test]
fn what_cannot_be_copied_is_told_and_tried_again() {
    let Some(bare) = Bare::new("repository-late") else { return };
    let Some(project) = started(&bare, "./off", "") else { return };
    project.confirmed(&["trust"]);
    project.safe(&["backup"]).exits(0).says("could not be copied").says("repository init");
    project.safe(&["status"]).exits(0).says("1 backup could not be copied to");
    project.safe(&["repository", "init"]).exits(0);
    project.safe(&["repository", "copy"]).exits(0).says("copied `app_backup_");
    project.safe(&["status"]).exits(0).never_says("could not be copied");
    let listed = project.safe(&["backups", "--repository"]).exits(0).stdout;
    assert!(listed.contains("app_backup_"), "{listed}");

    project.edit("password_file: password", "password_file: password, required: true");
    project.confirmed(&["trust"]);
    fs::rename(project.path("off"), project.path("gone")).expect("moved");
    let plan = project.safe(&["--safe-plan", "--safe-format=json", "down", "-v"]).exits(0).stdout;
    let token = plan.split("\"token\": \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let allow = format!("--safe-allow={token}");
    project.safe(&[&allow, "down", "-v"]).exits(74).says("was not run");
    assert!(docker(&["volume", "inspect", &project.volume("data")]).is_ok(), "the data is there");
    assert!(sums(&project).contains("MARK"), "and the service runs again");
}

/// Names of the files of the backups of `app`, by backup, oldest first.
fn files(project: &Scratch) -> Vec<Vec<String>> {
    let names = |backup: &PathBuf| {
        let entries = fs::read_dir(backup).expect("there");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    project.backups("app").iter().map(names).collect()
}

#[test]
fn copies_can_take_the_place_of_backups() {
    let Some(bare) = Bare::new("repository-instead") else { return };
    let Some(project) = started(&bare, "./off", "") else { return };
    let change = |text: &str| {
        let script = format!("echo {text} > /data/d/small");
        project.plain(&["exec", "-T", "app", "/bin/sh", "-c", &script]).exits(0);
        sums(&project)
    };
    let offloaded = ["manifest.json", "offloaded.json"];
    project.edit("backup:\n", "backup:\n    keep: { local: 0 }\n");
    project.confirmed(&["trust"]);
    // Without a copy, nothing is removed.
    let first = change("first");
    project.safe(&["backup"]).exits(0).says("could not be copied").never_says("removed the files");
    assert!(files(&project)[0].len() > 2);
    project.safe(&["repository", "init"]).exits(0);
    let second = change("second");
    project.safe(&["backup"]).exits(0).says("removed the files of 2 backups");
    assert_eq!(files(&project), [offloaded, offloaded]);
    project.safe(&["repository", "copy"]).exits(0).says("Every backup is in the repository");
    project.safe(&["verify", "latest"]).exits(75).says("verify --repository app_backup_");

    // What a command takes comes back from there.
    project.confirmed(&["down", "-v"]);
    assert_eq!(files(&project), [offloaded, offloaded, offloaded]);
    let plan = project.safe(&["undo", "--dry-run"]).exits(0).stdout;
    assert!(plan.contains("only in the repository"), "{plan}");
    assert_eq!(files(&project), [offloaded, offloaded, offloaded], "a dry run copies nothing");
    fs::rename(project.path("off"), project.path("gone")).expect("moved");
    project.safe(&["undo"]).exits(69).says("could not be read");
    fs::rename(project.path("gone"), project.path("off")).expect("moved");
    project.safe(&["undo"]).exits(0).says("copied `app_backup_");
    assert_eq!(sums(&project), second);
    assert!(files(&project)[2].len() > 2, "it is here again");

    // An older one, and the newest ones stay.
    let name = |at: usize| {
        let backups = project.backups("app");
        backups[at].file_name().expect("a name").to_string_lossy().into_owned()
    };
    project.confirmed(&["restore", &name(0)]);
    assert_eq!(sums(&project), first);
    assert!(files(&project)[0].len() > 2, "it was copied for the refusal");
    project.edit("keep: { local: 0 }", "keep: { local: 1 }");
    project.safe(&["backups", "pin", &name(2)]).exits(0);
    project.safe(&["backup"]).exits(0).says("removed the files of 1 backup");
    let kept: Vec<bool> = files(&project).iter().map(|names| names.len() > 2).collect();
    // The second last is the safety copy of the restore, which is in no repository.
    assert_eq!(kept, [false, false, true, true, true]);
    assert_clean(&project.path("off"));
}

/// Ends a server that a test started.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn wait_for_port(port: u16) {
    wait_for(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// Backs up to the repository of the settings, loses everything, and restores from it.
fn there_and_back(project: &Scratch, environment: &[(&str, &str)], repository: &Path) {
    let before = sums(project);
    project.confirmed(&["trust"]);
    project.safe_with(&["repository", "init"], environment).exits(0);
    project.safe_with(&["backup"], environment).exits(0).says("copied `app_backup_");
    assert_clean(repository);
    lose(project);
    project.confirmed(&["trust"]);
    project.safe_with(&["restore", "--from", "repository"], environment).exits(0);
    assert_eq!(sums(project), before);
    project.safe_with(&["repository", "prune"], environment).exits(0);
    project.safe_with(&["repository", "check", "--read-data-subset", "50%"], environment).exits(0);
    assert_clean(repository);
}

#[test]
fn a_rest_server_is_a_repository() {
    let Some(bare) = Bare::new("repository-rest") else { return };
    let (port, directory) = (free_port(), tempfile::tempdir().expect("a directory"));
    let mut command = Command::new("rclone");
    command.args([
        "serve",
        "restic",
        "--addr",
        &format!("127.0.0.1:{port}"),
        "--user",
        "me",
        "--pass",
        "hunter2",
    ]);
    command.arg(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(server) = command.spawn() else { return missing("rclone") };
    let _server = Server(server);
    wait_for_port(port);
    let Some(project) = started(&bare, &format!("rest:http://127.0.0.1:{port}/shop/"), "") else { return };
    let account = [("RESTIC_REST_USERNAME", "me"), ("RESTIC_REST_PASSWORD", "hunter2")];
    there_and_back(&project, &account, &directory.path().join("shop"));
    let journal = fs::read_to_string(project.path("backups/journal.jsonl")).expect("there");
    assert!(!journal.contains("hunter2") && !journal.contains(PASSWORD));
}

#[test]
fn a_server_that_only_adds_gets_backups_and_keeps_them() {
    let Some(bare) = Bare::new("repository-adds") else { return };
    let (port, directory) = (free_port(), tempfile::tempdir().expect("a directory"));
    let mut command = Command::new("rclone");
    command.args(["serve", "restic", "--append-only", "--addr", &format!("127.0.0.1:{port}")]);
    command.arg(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(server) = command.spawn() else { return missing("rclone") };
    let _server = Server(server);
    wait_for_port(port);
    let url = format!("rest:http://127.0.0.1:{port}/shop/");
    let Some(project) = started(&bare, &url, "") else { return };
    project.edit("backup:\n", "backup:\n    keep: { last: 1, daily: 0, weekly: 0, monthly: 0 }\n");
    project.confirmed(&["trust"]);
    project.safe(&["repository", "init"]).exits(0);
    let mut names = Vec::new();
    for _ in 0..3 {
        project.plain(&["exec", "-T", "app", "/bin/sh", "-c", "echo more >> /data/d/small"]).exits(0);
        project.safe(&["backup"]).exits(0).says("copied `app_backup_");
        names.extend(project.backups("app").pop());
    }
    let pruned = project.safe(&["repository", "prune"]).exits(69).says("refuses").stderr;
    let listed = project.safe(&["backups", "--repository"]).exits(0).stdout;
    let first = names[0].file_name().expect("a name").to_string_lossy().into_owned();
    assert!(pruned.contains(&format!("Not removed: `{first}`")), "{pruned}");
    assert!(listed.contains(&first), "{listed}");
    assert_clean(&directory.path().join("shop"));
}

#[test]
fn rclone_is_started_for_a_repository() {
    let Some(bare) = Bare::new("repository-rclone") else { return };
    if Command::new("rclone").arg("version").stdout(Stdio::null()).status().is_err() {
        return missing("rclone");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let repository = directory.path().join("shop");
    let Some(project) = started(&bare, &format!("rclone::local:{}", repository.display()), "") else {
        return;
    };
    there_and_back(&project, &[], &repository);
    project.edit("rclone::local:", "rclone:nowhere:");
    project.confirmed(&["trust"]);
    project.safe(&["repository", "check"]).exits(69).says("rclone ended").says("nowhere");
}

/// An SSH server for this user alone, and a directory with an `ssh` that knows its key.
fn ssh_server(directory: &Path, port: u16) -> Option<(Server, PathBuf)> {
    let path = |name: &str| directory.join(name).display().to_string();
    for key in ["host", "user"] {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]);
        if !keygen.status().is_ok_and(|status| status.success()) {
            return None;
        }
    }
    fs::copy(path("user.pub"), path("authorized")).expect("copied");
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPidFile none\nPermitRootLogin yes\nUsePAM no\nSubsystem sftp internal-sftp\n",
        path("host"),
        path("authorized")
    );
    fs::write(path("sshd"), config).expect("written");
    // Without it, no server starts as root.
    fs::create_dir_all("/run/sshd").ok()?;
    let mut command = Command::new("/usr/sbin/sshd");
    command.args(["-D", "-e", "-f", &path("sshd")]).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(command.spawn().ok()?);
    let public = fs::read_to_string(path("host.pub")).expect("there");
    fs::write(path("known"), format!("[127.0.0.1]:{port} {public}")).expect("written");
    let client =
        format!("IdentityFile {}\nUserKnownHostsFile {}\nUpdateHostKeys no\n", path("user"), path("known"));
    fs::write(path("client"), client).expect("written");
    let programs = directory.join("bin");
    fs::create_dir(&programs).expect("made");
    let wrapper = format!("#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n", path("client"));
    fs::write(programs.join("ssh"), wrapper).expect("written");
    fs::set_permissions(programs.join("ssh"), fs::Permissions::from_mode(0o755)).expect("own file");
    wait_for_port(port);
    Some((server, programs))
}

#[test]
fn an_sftp_server_is_a_repository() {
    let Some(bare) = Bare::new("repository-sftp") else { return };
    let (port, directory) = (free_port(), tempfile::tempdir().expect("a directory"));
    let Some((_server, programs)) = ssh_server(directory.path(), port) else {
        return missing("sshd, or the right to start it");
    };
    let repository = directory.path().join("shop");
    fs::create_dir(&repository).expect("made");
    let url = format!("sftp://root@127.0.0.1:{port}/{}", repository.display());
    let Some(project) = started(&bare, &url, "") else { return };
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("set"));
    there_and_back(&project, &[("PATH", &path)], &repository);
}
