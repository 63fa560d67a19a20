//! Copies of data that is being written to, on a real engine.
//!
//! The writer keeps an invariant across two files that are far apart in the archive: `z` is what `a` was at most one step
//! before. A copy of one moment keeps it; one that was made while the writer ran does not.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::bare::{Bare, docker};
use crate::support::relay::Relay;
use crate::support::scratch::Ran;
use crate::support::stand_in::directory_of;
use crate::support::{Compose, Scratch};

/// What is between the two files in the archive takes longer to copy than many steps of the writer. It writes below a
/// directory: older engines date a volume by the last change of its top.
const WRITER: &str = r"
trap 'echo stopped >stopped; exit 0' TERM
/bin/busybox mkdir -p /data/db
cd /data/db
[ -e m ] || /bin/busybox head -c 100000000 /dev/zero >m
n=0
while :; do
    n=$((n + 1))
    echo $n >.a; /bin/busybox mv .a a
    echo $n >.z; /bin/busybox mv .z z
done
";

/// A project `db` that writes, with settings, and a volume `data` that it writes to.
fn writing(bare: &Bare, compose: Compose, settings: &str) -> Option<Scratch> {
    let image = bare.image(&[r#"CMD ["/bin/sh", "/script/writer"]"#]);
    let file = format!(
        "{settings}\nservices:\n  db:\n    image: {image}\n    volumes: [ \"data:/data\", \"./script:/script:ro\" ]\n\
         volumes: {{ data: {{}} }}\n"
    );
    let file = if compose == Compose::V1 { format!("version: '3.8'\n{file}") } else { file };
    let project = Scratch::new(compose, &file)?;
    fs::create_dir(project.path("script")).expect("made");
    fs::write(project.path("script/writer"), WRITER).expect("written");
    project.plain(&["up", "-d"]).exits(0);
    let writes =
        || docker(&["exec", &container(&project), "/bin/busybox", "test", "-e", "/data/db/z"]).is_ok();
    wait("the writer", writes);
    Some(project)
}

fn container(project: &Scratch) -> String {
    let answer = project.plain(&["ps", "-q", "-a", "db"]).exits(0);
    answer.stdout.trim().to_owned()
}

fn state(project: &Scratch) -> String {
    docker(&["inspect", "-f", "{{.State.Status}}", &container(project)]).expect("it exists")
}

#[track_caller]
fn wait(what: &str, mut is_there: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_mins(2);
    while !is_there() {
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `a`, `z` and whether the writer had been stopped, in the newest backup.
fn copied(project: &Scratch) -> (u64, u64, bool) {
    let backup = project.backups("db").pop().expect("a backup");
    let file = fs::File::open(backup.join("data.tar.zst")).expect("an archive");
    let file = zstd::Decoder::new(file).expect("zstd");
    let (mut a, mut z, mut stopped) = (0, 0, false);
    for entry in tar::Archive::new(file).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").into_owned();
        let mut number = || {
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            text.trim().parse().expect("a number")
        };
        if path == Path::new("data/db/a") {
            a = number();
        } else if path == Path::new("data/db/z") {
            z = number();
        }
        stopped |= path == Path::new("data/db/stopped");
    }
    (a, z, stopped)
}

fn is_torn((a, z, _): (u64, u64, bool)) -> bool {
    z != a && z + 1 != a
}

fn manifest(project: &Scratch) -> String {
    let backup = project.backups("db").pop().expect("a backup");
    fs::read_to_string(backup.join("manifest.json")).expect("readable")
}

/// Engine 20.10 does not answer questions about a container while it copies its files.
#[test]
fn the_project_in_the_next_directory_works_meanwhile() {
    let Some(bare) = Bare::new("beside") else { return };
    let Some(copied) = writing(&bare, Compose::V2, "") else { return };
    let id = copied.plain(&["ps", "-q", "db"]).exits(0).stdout;
    let engine = Relay::withholding(format!("/containers/{}/json", id.trim()).leak());
    let Some(other) = writing(&bare, Compose::V2, "") else { return };
    // Where it is started for the first time, the data of projects nearby may be its own.
    other.plain(&["down", "-v"]).exits(0);
    let other = other.on(&engine.url());
    other.safe(&["up", "-d"]).exits(0);
    other.safe(&["down"]).exits(0);
    assert!(!engine.has_held(), "it was asked about");
}

#[test]
fn a_copy_of_a_paused_writer_is_of_one_moment_and_one_of_a_running_writer_is_not() {
    let Some(bare) = Bare::new("quiesce") else { return };
    let Some(project) = writing(&bare, Compose::V2, "") else { return };
    for _ in 0..3 {
        project.safe(&["backup"]).exits(0).says("pausing");
        assert_eq!(state(&project), "running");
        assert!(!is_torn(copied(&project)), "{:?}", copied(&project));
        assert!(manifest(&project).contains(r#""consistency": "frozen""#));
    }
    let without = "x-safe-compose: { services: { db: { quiesce: none } } }";
    let Some(control) = writing(&bare, Compose::V2, without) else { return };
    // In the middle of the copy, the writer goes on.
    let engine = Relay::withholding("/archive?");
    let control = control.on(&engine.url());
    let child = started(&control, &["backup"]);
    wait("the copy", || engine.has_held());
    let file = directory_of(&control.volume("data")).join("db/a");
    let step =
        || fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
    let before = step();
    wait("the writer", || step() > before + 1);
    engine.release();
    let (exit, said) = ended(child);
    assert!(exit == Some(0) && said.contains("may not fit together"), "{exit:?} {said}");
    assert!(is_torn(copied(&control)), "the control finds nothing: {:?}", copied(&control));
    assert!(manifest(&control).contains(r#""consistency": "torn possible""#));
    // Data that was only copied like this is not destroyed: the service is stopped and copied again.
    destroy(&control, "down -v").exits(0);
    assert!(manifest(&control).contains(r#""consistency": "cold""#));
    assert!(!is_torn(copied(&control)));
}

/// Runs a command with the token that its refusal prints.
fn destroy(project: &Scratch, line: &str) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let token = token(project, &words);
    project.safe(&[&[token.as_str()][..], &words].concat())
}

fn token(project: &Scratch, words: &[&str]) -> String {
    let refused = project.safe(words).exits(77);
    let token = refused.stderr.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
    format!("--safe-allow={}", token.expect("a token"))
}

#[test]
fn down_with_volumes_copies_what_the_service_wrote_when_it_stopped() {
    for compose in [Compose::V2, Compose::V1] {
        let Some(bare) = Bare::new("quiesce-down") else { return };
        let Some(project) = writing(&bare, compose, "") else { continue };
        destroy(&project, "down -v").exits(0).says("stopping");
        let (a, z, stopped) = copied(&project);
        assert!(stopped && !is_torn((a, z, stopped)), "{compose:?}: {a} {z} {stopped}");
        assert!(manifest(&project).contains(r#""consistency": "cold""#));
        assert!(docker(&["volume", "inspect", &project.volume("data")]).is_err(), "it was destroyed");
    }
}

/// Starts a command in the background.
fn started(project: &Scratch, words: &[&str]) -> Child {
    let mut command = project.safe_command(words);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started")
}

/// The exit code, and what was said.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().expect("ended");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn signal(child: &Child, name: &str) {
    duct::cmd!("kill", format!("-{name}"), child.id().to_string()).run().expect("sent");
}

/// Sends a signal to a command while it copies. The engine of a busy machine may not begin the copy within our time limit;
/// then the command is started again.
pub fn interrupted(project: &Scratch, engine: &Relay, words: &[&str], name: &str) -> (Option<i32>, String) {
    for _ in 0..4 {
        let mut child = started(project, words);
        let mut copies = false;
        wait("the copy, or the end", || {
            copies = engine.has_held();
            copies || child.try_wait().expect("it was started").is_some()
        });
        if copies {
            signal(&child, name);
        }
        let (exit, said) = ended(child);
        if copies || !said.contains("Timeout error") {
            return (exit, said);
        }
    }
    panic!("the engine does not begin the copy");
}

#[test]
fn a_signal_during_the_copy_lets_the_container_go_on() {
    let Some(bare) = Bare::new("quiesce-signal") else { return };
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let Some(project) = writing(&bare, Compose::V2, "") else { return };
        let engine = Relay::withholding("/archive?");
        let project = project.on(&engine.url());
        // The engine is not asked for the state meanwhile: it answers when the archive has been read (20.10).
        let (exit, said) = interrupted(&project, &engine, &["backup"], name);
        assert!(exit == Some(code) && said.contains("pausing"), "{name}: {exit:?} {said}");
        assert_eq!(state(&project), "running", "{name}");
        assert!(project.backups("db").is_empty());

        let token = token(&project, &["down", "-v"]);
        let (exit, said) = interrupted(&project, &engine, &[&token, "down", "-v"], name);
        assert!(exit == Some(code) && said.contains("stopping"), "{name}: {exit:?} {said}");
        assert!(said.contains("down -v` was interrupted before it was run"), "{said}");
        assert_eq!(state(&project), "running", "{name}");
        assert!(project.backups("db").is_empty());
    }
}

/// Kills a backup whose copy is withheld.
fn killed_in_the_copy(project: Scratch) -> (Scratch, Relay) {
    let engine = Relay::withholding("/archive?");
    let project = project.on(&engine.url());
    let mut child = started(&project, &["backup"]);
    wait("the copy", || engine.has_held());
    child.kill().expect("killed");
    child.wait().expect("ended");
    (project, engine)
}

#[test]
fn a_container_that_a_killed_backup_held_goes_on_with_the_next_command() {
    let Some(bare) = Bare::new("quiesce-killed") else { return };
    for (settings, held) in
        [("", "paused"), ("x-safe-compose: { services: { db: { quiesce: stop } } }", "exited")]
    {
        let Some(project) = writing(&bare, Compose::V2, settings) else { return };
        let (project, engine) = killed_in_the_copy(project);
        assert_eq!(state(&project), held, "nobody lets it go on");
        engine.release();
        let left = if held == "paused" { "paused" } else { "stopped" };
        let warning = format!("an interrupted backup may have left `{}-db-1` {left}", project.project);
        project.safe(&["status"]).exits(0).says(&warning);
        project.safe(&["--safe-plan", "down"]).exits(0);
        assert_eq!(state(&project), held, "a dry run changes nothing");
        project.safe(&["backup"]).exits(0).says("runs again: an interrupted backup had left it");
        assert_eq!(state(&project), "running");
        assert!(!is_torn(copied(&project)));
        project.safe(&["status"]).exits(0).never_says("interrupted");

        // Somebody else decides meanwhile.
        let (project, engine) = killed_in_the_copy(project);
        engine.release();
        project.plain(&["kill"]);
        project.plain(&["stop"]).exits(0);
        project.plain(&["start"]).exits(0);
        project.plain(&["stop"]).exits(0);
        project.safe(&["backup"]).exits(0).never_says("interrupted");
        assert_eq!(state(&project), "exited");
    }
}

#[test]
fn a_stopped_and_a_removed_project_are_backed_up() {
    let Some(bare) = Bare::new("quiesce-stopped") else { return };
    let Some(project) = writing(&bare, Compose::V2, "") else { return };
    project.plain(&["stop"]).exits(0);
    project.safe(&["backup"]).exits(0).never_says("pausing");
    assert_eq!(state(&project), "exited");
    assert!(copied(&project).2);
    project.plain(&["down"]).exits(0);
    project.safe(&["backup"]).exits(0);
    assert!(copied(&project).2);
    assert!(manifest(&project).contains(r#""consistency": "cold""#));
    assert_eq!(project.backups("db").len(), 2);
    // Nothing is started to find out, and nothing is copied again.
    destroy(&project, "down -v").exits(0).says("is unchanged since its backup");
    assert_eq!(project.backups("db").len(), 2);
}

/// Neither the history of the containers nor a clock tells that something was written.
#[test]
fn a_write_by_anybody_is_noticed() {
    let Some(bare) = Bare::new("quiesce-written") else { return };
    let Some(project) = writing(&bare, Compose::V2, "") else { return };
    project.plain(&["stop"]).exits(0);
    project.safe(&["backup"]).exits(0);
    let image = bare.image(&[]);
    let mount = format!("{}:/data", project.volume("data"));
    let script = ["run", "--rm", "-v", &mount, &image, "/bin/sh", "-c", "echo 7 >/data/db/written"];
    bare.docker(&script);
    destroy(&project, "down -v").exits(0).never_says("unchanged");
    assert_eq!(project.backups("db").len(), 2);
}

/// The archive in the newest backup, as the number of its file.
fn archive(project: &Scratch) -> u64 {
    let backup = project.backups("db").pop().expect("a backup");
    let mut files = fs::read_dir(backup).expect("listed").map(|entry| entry.expect("an entry"));
    let archive = files.find(|file| file.file_name().to_string_lossy().starts_with("data.tar"));
    archive.expect("an archive").metadata().expect("there").ino()
}

#[test]
fn what_a_paused_service_has_not_written_to_is_linked() {
    let Some(bare) = Bare::new("quiesce-unchanged") else { return };
    let image = bare.image(&[r#"CMD ["/bin/sh", "-c", "echo one >/data/file; sleep 600"]"#]);
    let file = format!(
        "services:\n  db:\n    image: {image}\n    volumes: [ \"data:/data\" ]\nvolumes: {{ data: {{}} }}\n"
    );
    let Some(project) = Scratch::new(Compose::V2, &file) else { return };
    project.plain(&["up", "-d"]).exits(0);
    wait("the file", || {
        docker(&["exec", &container(&project), "/bin/busybox", "test", "-s", "/data/file"]).is_ok()
    });
    project.safe(&["backup"]).exits(0);
    let first = archive(&project);
    project.safe(&["backup"]).exits(0).says("pausing");
    assert_eq!(archive(&project), first);
    assert!(manifest(&project).contains(r#""consistency": "frozen""#));
    // The same size and time.
    let script =
        "cd /data; /bin/busybox touch -r file /time; echo two >file; /bin/busybox touch -r /time file";
    docker(&["exec", &container(&project), "/bin/sh", "-c", script]).expect("written");
    project.safe(&["backup"]).exits(0);
    let third = archive(&project);
    assert_ne!(third, first);
    project.plain(&["stop"]).exits(0);
    project.safe(&["backup"]).exits(0);
    assert_eq!(archive(&project), third);
    assert!(manifest(&project).contains(r#""consistency": "cold""#));
}
