//! `restore` on a real engine: a complete project in one go, and never a half-written volume.

use std::process::Child;
use std::time::Duration;

use crate::support::bare::{Bare, docker};
use crate::support::database::Database;
use crate::support::scratch::Ran;
use crate::support::{Compose, Scratch};

/// Fills an empty volume once, and waits.
const SERVER: &str = "busybox test -e /data/MARK || { busybox head -c 100000 /dev/urandom > /data/file; busybox ln /data/file /data/link; echo NAME > /data/MARK; }; trap 'exit 0' TERM; while :; do busybox sleep 1 & wait $!; done";

fn service(name: &str, image: &str, more: &str) -> String {
    let command = SERVER.replace("NAME", name).replace('$', "$$");
    format!(
        "  {name}:\n    image: {image}\n    volumes: [ \"{name}:/data\" ]\n    {more}\n    command: [ \"/bin/sh\", \"-c\", \"{command}\" ]\n"
    )
}

fn stack(image: &str, services: &[(&str, &str)]) -> String {
    let written: Vec<String> = services.iter().map(|(name, more)| service(name, image, more)).collect();
    let volumes: Vec<String> = services.iter().map(|(name, _)| format!("{name}: {{}}")).collect();
    format!("services:\n{}volumes: {{ {} }}\n", written.concat(), volumes.join(", "))
}

/// A program on a volume.
fn inside(volume: &str, image: &str, command: &str) -> String {
    let mount = format!("{volume}:/look");
    let words = ["run", "--rm", "--network", "none", "-v", &mount, image, "/bin/sh", "-c", command];
    docker(&words).expect("looked at")
}

/// Names, modes and contents of a volume, with everything that is hidden.
fn contents(volume: &str, image: &str) -> String {
    let script = "cd /look && busybox find . -exec busybox stat -c '%n %u:%g %a' {} + | busybox sort && busybox find . -type f -exec busybox sha256sum {} + | busybox sort";
    inside(volume, image, script)
}

#[track_caller]
fn wait_for_mark(project: &Scratch, services: &[&str], image: &str) {
    for service in services {
        let volume = project.volume(service);
        let is_there =
            || inside(&volume, image, "busybox test -e /look/MARK && echo yes || echo no") == "yes";
        assert!((0..100).any(|_| is_there() || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }));
    }
}

/// Runs a command that has to be confirmed, with the token that its refusal prints.
#[track_caller]
fn confirmed(project: &Scratch, words: &[&str]) -> Ran {
    let refused = project.safe(words).exits(77).stderr;
    let token = refused.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let flag = format!("--safe-allow={}", token.expect("a token"));
    project.safe(&[&[flag.as_str()], words].concat())
}

fn running(project: &Scratch) -> usize {
    project.plain(&["ps", "-q"]).exits(0).stdout.lines().count()
}

/// Helper containers that mount a volume.
fn helpers(volume: &str) -> String {
    let filter = format!("volume={volume}");
    docker(&["ps", "-aq", "--filter", "label=safe-compose.helper", "--filter", &filter]).expect("listed")
}

const SERVICES: [&str; 3] = ["files", "mysql", "redis"];

#[test]
fn case_12_a_project_comes_back_in_one_go() {
    let Some(bare) = Bare::new("restart") else { return };
    let image = bare.image(&[]);
    let file =
        stack(&image, &[("files", "restart: always"), ("mysql", "depends_on: [ redis ]"), ("redis", "")]);
    for compose in [Compose::V2, Compose::V1] {
        let file = if compose == Compose::V1 { format!("version: \"3\"\n{file}") } else { file.clone() };
        let Some(project) = Scratch::new(compose, &file) else { continue };
        let seen = || SERVICES.map(|service| contents(&project.volume(service), &image));
        project.plain(&["up", "-d"]).exits(0);
        wait_for_mark(&project, &SERVICES, &image);
        let before = seen();

        confirmed(&project, &["down", "-v"]).exits(0);
        assert!(docker(&["volume", "inspect", &project.volume("files")]).is_err(), "{compose:?}");
        let restored = project.safe(&["restore"]).exits(0);
        for service in SERVICES {
            restored_names(&restored, service);
        }
        assert_eq!(running(&project), 3, "{compose:?}: {}", restored.stderr);
        assert_eq!(seen(), before, "{compose:?}");

        // Only the containers are gone.
        project.plain(&["down"]).exits(0);
        inside(&project.volume("redis"), &image, "echo more > /look/more; rm /look/file");
        confirmed(&project, &["restore"]).exits(0).says("restored");
        assert_eq!((seen(), running(&project)), (before.clone(), 3), "{compose:?}");

        // Again, while it runs: the same data.
        inside(&project.volume("redis"), &image, "echo again > /look/again");
        confirmed(&project, &["restore"]).exits(0);
        assert_eq!((seen(), running(&project)), (before, 3), "{compose:?}");
        for service in SERVICES {
            assert_eq!(helpers(&project.volume(service)), "", "{compose:?}");
        }
    }
}

#[track_caller]
fn restored_names(restored: &Ran, service: &str) {
    let text = format!("`{service}` will be restored from `{service}_backup_");
    assert!(restored.stderr.contains(&text), "{}", restored.stderr);
}

#[test]
fn what_is_stopped_stays_stopped_and_what_is_removed_is_started_unless_told_otherwise() {
    let Some(bare) = Bare::new("stays") else { return };
    let image = bare.image(&[]);
    let Some(project) = Scratch::new(Compose::V2, &stack(&image, &[("files", ""), ("redis", "")])) else {
        return;
    };
    project.plain(&["up", "-d"]).exits(0);
    wait_for_mark(&project, &["files", "redis"], &image);
    project.safe(&["stop"]).exits(0);
    project.safe(&["backup"]).exits(0);
    let before = contents(&project.volume("files"), &image);
    inside(&project.volume("files"), &image, "echo x > /look/x");
    confirmed(&project, &["restore"]).exits(0);
    assert_eq!((contents(&project.volume("files"), &image), running(&project)), (before.clone(), 0));
    project.plain(&["down", "-v"]).exits(0);
    project.safe(&["restore", "--no-start"]).exits(0);
    assert_eq!((contents(&project.volume("files"), &image), running(&project)), (before, 0));
}

/// A restore of a large file, which a signal meets in the middle.
struct Interrupted {
    bare: Bare,
    image: String,
    project: Scratch,
    old: String,
    new: String,
}

impl Interrupted {
    fn new() -> Option<Self> {
        let bare = Bare::new("interrupted")?;
        let image = bare.image(&[]);
        let project = Scratch::new(Compose::V2, &stack(&image, &[("files", "")]))?;
        project.plain(&["up", "-d"]).exits(0);
        wait_for_mark(&project, &["files"], &image);
        let volume = project.volume("files");
        inside(&volume, &image, "busybox head -c 200000000 /dev/urandom > /look/big");
        project.safe(&["backup"]).exits(0);
        let old = contents(&volume, &image);
        inside(&volume, &image, "rm /look/big; echo new > /look/new");
        let new = contents(&volume, &image);
        Some(Self { bare, image, project, old, new })
    }

    /// Starts a restore, and sends a signal once it has begun to write. Returns the exit code and what it said.
    fn interrupt(&self, signal: &str) -> (i32, String) {
        let refused = self.project.safe(&["restore"]).exits(77).stderr;
        let token = refused.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let flag = format!("--safe-allow={}", token.expect("a token"));
        let mut command = self.project.safe_command(&[&flag, "restore"]);
        let mut child: Child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("started");
        let volume = self.project.volume("files");
        let has_begun = || {
            inside(&volume, &self.image, "busybox test -e /look/.safe-compose-restore && echo yes || echo no")
                == "yes"
        };
        while child.try_wait().expect("asked").is_none() && !has_begun() {}
        duct::cmd!("kill", signal, child.id().to_string()).unchecked().run().expect("sent");
        let ended = child.wait_with_output().expect("ended");
        (ended.status.code().unwrap_or(-1), String::from_utf8_lossy(&ended.stderr).into_owned())
    }

    fn now(&self) -> String {
        contents(&self.project.volume("files"), &self.image)
    }
}

#[test]
fn an_interrupted_restore_leaves_one_of_the_two_states_and_no_helper() {
    let Some(stand) = Interrupted::new() else { return };
    for signal in ["-TERM", "-INT", "-HUP"] {
        let (code, said) = stand.interrupt(signal);
        // Our look into the volume may have been in the way of the backup before it.
        if code > 128 {
            assert!(
                said.contains("of `files` was interrupted") && said.contains("same command again"),
                "{said}"
            );
        }
        let now = stand.now();
        // The machine may have been faster than the signal.
        assert!(now == stand.new || (code == 0 && now == stand.old), "{signal}: {code}\n{now}");
        assert_eq!(helpers(&stand.project.volume("files")), "", "{signal}");
        assert_eq!(running(&stand.project), 1, "{signal}: it ran before");
    }
    confirmed(&stand.project, &["restore"]).exits(0);
    assert_eq!(stand.now(), stand.old);
    drop(stand.bare);
}

#[test]
fn after_a_killed_restore_the_data_is_whole_and_the_next_command_cleans_up() {
    let Some(stand) = Interrupted::new() else { return };
    stand.interrupt("-KILL");
    let visible = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.contains(".safe-compose-restore"));
        lines.map(str::to_owned).collect()
    };
    let now = visible(&stand.now());
    assert!(now == visible(&stand.new) || now == visible(&stand.old), "{now:?}");
    stand.project.safe(&["status"]);
    assert_eq!(helpers(&stand.project.volume("files")), "");
    confirmed(&stand.project, &["restore"]).exits(0);
    assert_eq!(stand.now(), stand.old);
    drop(stand.bare);
}

#[test]
fn a_running_postgresql_goes_back_to_its_backup_in_one_command() {
    let postgres = Database::Postgres15;
    let Some(project) = postgres.project(Compose::V2) else { return };
    let sql = |text: &str| postgres.query(&project, text).unwrap_or_else(|| panic!("`{text}` failed"));
    project.plain(&["up", "-d"]).exits(0);
    postgres.wait_ready(&project);
    sql("create table t as select generate_series(1, 10000) as n");
    project.safe(&["stop"]).exits(0);
    project.safe(&["backup"]).exits(0);
    project.plain(&["start"]).exits(0);
    postgres.wait_ready(&project);
    sql("delete from t where n > 10");
    sql("create table later as select generate_series(1, 10) as n");

    confirmed(&project, &["restore"]).exits(0).says("restored 1 data mount");
    postgres.wait_ready(&project);
    assert_eq!(sql("select count(*) from t"), "10000");
    assert_eq!(sql("select to_regclass('later') is null"), "t");
    assert_eq!(helpers(&project.volume("data")), "");
}
