//! What is recorded of commands that are killed or refused, tokens of a busy database, and projects that are named from
//! elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::bare::{Bare, docker};
use crate::support::scratch::Ran;
use crate::support::{Compose, Scratch, machine};

/// A service that keeps its files in a volume.
fn started(bare: &Bare, settings: &str) -> Option<Scratch> {
    let wait = r#"[ "/bin/sh", "-c", "while :; do sleep 1; done" ]"#;
    let file = format!(
        "services: {{ db: {{ image: \"{}\", command: {wait}, stop_grace_period: 0s, volumes: [ \"data:/data\" ] }} }}\nvolumes: {{ data: {{}} }}\n{settings}",
        bare.image(&[])
    );
    let scratch = Scratch::new(Compose::V2, &file)?;
    scratch.safe(&["up", "-d"]).exits(0);
    in_db(&scratch, "echo precious > /data/kept").expect("written");
    Some(scratch)
}

fn in_db(scratch: &Scratch, command: &str) -> Result<String, String> {
    let container = scratch.plain(&["ps", "-aq", "db"]).exits(0).stdout;
    docker(&["exec", container.trim(), "/bin/sh", "-c", command])
}

fn allow(refused: &Ran) -> String {
    let rest = refused.stderr.split("--safe-allow=").nth(1).expect("a token");
    format!("--safe-allow={}", &rest[..12])
}

/// A Compose that kills safe-compose when it is to run `down`: instead of that, or when it has done so.
fn killing_compose(directory: &Path, instead: bool) -> String {
    let script = directory.join("compose");
    let compose = machine::compose(Compose::V2).expect("it was there").display().to_string();
    let down = if instead { String::new() } else { format!("'{compose}' \"$@\"; ") };
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in\n*' config '*) ;;\n*' down '*) {down}kill -9 $PPID; exit 0 ;;\nesac\nexec '{compose}' \"$@\"\n"
    );
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("set");
    script.display().to_string()
}

#[test]
fn a_killed_command_is_known_afterwards() {
    for instead in [true, false] {
        let Some(bare) = Bare::new("killed") else { return };
        let Some(scratch) = started(&bare, "") else { return };
        let tools = tempfile::tempdir().expect("a directory");
        let compose = killing_compose(tools.path(), instead);
        let token = allow(&scratch.safe(&["down", "-v"]).exits(77));
        let killed = scratch.safe_with(&[&token, "down", "-v"], &[("SAFE_COMPOSE_COMPOSE", &compose)]);
        assert_eq!(killed.code, -1, "{killed:?}");
        // For the backup, the service was stopped before.
        assert!(in_db(&scratch, "true").is_err());
        let volume = scratch.volume("data");
        assert_eq!(
            docker(&["volume", "inspect", &volume]).is_ok(),
            instead,
            "`down` was or was not carried out"
        );

        let history = scratch.safe(&["history"]).exits(0).stdout;
        assert!(history.contains("did not end"), "{history}");
        scratch.safe(&["status"]).exits(0).says("began just now and did not end");
        let next = scratch.safe(&["up", "-d"]).says("down -v` began").says("did not end");
        let backup = scratch.backups("db").pop().expect("a backup");
        let name = backup.file_name().expect("a name").to_string_lossy().into_owned();
        let next = next.says(&format!("restore {name}"));
        if instead {
            next.exits(0);
            assert_eq!(in_db(&scratch, "cat /data/kept").as_deref(), Ok("precious"));
            scratch.safe(&["up", "-d"]).exits(0).never_says("did not end");
            scratch.safe(&["status"]).exits(0).never_says("did not end");
        } else {
            next.exits(76).says("has lost data");
            scratch.safe(&["stop"]).exits(0);
            scratch.safe(&["restore", &name]).exits(0);
            scratch.safe(&["up", "-d"]).exits(0);
            assert_eq!(in_db(&scratch, "cat /data/kept").as_deref(), Ok("precious"));
        }
        let history = scratch.safe(&["history"]).exits(0).stdout;
        assert!(history.contains("did not end"), "it stays in the history: {history}");
    }
}

#[test]
fn a_refusal_creates_no_files() {
    let Some(bare) = Bare::new("refused") else { return };
    let Some(scratch) = started(&bare, "") else { return };
    // What `up` recorded.
    fs::remove_dir_all(scratch.path("backups")).expect("removed");
    scratch.safe(&["down", "-v"]).exits(77);
    scratch.safe(&["--safe-allow=000000000000", "down", "-v"]).exits(77);
    assert!(!scratch.path("backups").exists());
    scratch.safe(&["backup"]).exits(0);
    scratch.safe(&["down", "-v"]).exits(77);
    let history = scratch.safe(&["history"]).exits(0).stdout;
    assert_eq!(history.matches("refused").count(), 1, "{history}");
}

/// On older engines the creation time of a volume is the time at which an entry of its top directory was last changed.
#[test]
fn a_token_fits_while_the_service_makes_files_in_its_volume() {
    let Some(bare) = Bare::new("busy") else { return };
    let Some(scratch) = started(&bare, "") else { return };
    let token = allow(&scratch.safe(&["down", "-v"]).exits(77));
    for name in ["one", "two"] {
        std::thread::sleep(std::time::Duration::from_millis(1100));
        in_db(&scratch, &format!("echo more > /data/{name}; rm -f /data/one")).expect("written");
    }
    scratch.safe(&[&token, "down", "-v"]).exits(0);
    // Another volume of the same name is not the one that was confirmed.
    scratch.plain(&["up", "-d"]).exits(0);
    in_db(&scratch, "echo new > /data/kept").expect("written");
    scratch.safe(&[&token, "down", "-v"]).exits(77).says("belongs to another plan");
}

#[test]
fn a_project_is_found_by_its_name() {
    let Some(bare) = Bare::new("named") else { return };
    let settings = "x-safe-compose: { backup: { directory: saved }, guard: { destroy: refuse } }";
    let Some(scratch) = started(&bare, settings) else { return };
    let elsewhere = tempfile::tempdir().expect("a directory");
    let name = scratch.project.clone();
    for with_file in [false, true] {
        if with_file {
            // Another project's.
            let file = "services: { other: { image: none } }\nx-safe-compose: { guard: { destroy: allow } }";
            fs::write(elsewhere.path().join("compose.yaml"), file).expect("written");
        }
        let run = |words: &[&str]| {
            let words: Vec<&str> = ["-p", &name].into_iter().chain(words.iter().copied()).collect();
            scratch.safe_in(elsewhere.path(), &words, &[])
        };
        let place = scratch.path("").display().to_string();
        run(&["backup"]).exits(0).says(place.trim_end_matches('/')).says("saved/db/db_backup_");
        assert!(run(&["backups"]).exits(0).stdout.contains("db_backup_"));
        assert!(run(&["status"]).exits(0).stdout.contains(&scratch.volume("data")));
        run(&["verify", "latest"]).exits(0).says("is valid");
        assert!(run(&["history"]).exits(0).stdout.contains("backs up db"));
        run(&["restore", "latest", "--service", "db", "--dry-run"]);
        run(&["down", "-v"]).exits(77).says("guard.destroy: refuse");
        assert!(!elsewhere.path().join("backups").exists() && !elsewhere.path().join("saved").exists());
        assert!(scratch.path("saved/journal.jsonl").is_file());
    }
}

#[test]
fn a_project_whose_directory_is_gone_keeps_its_backups_with_the_user() {
    let Some(bare) = Bare::new("lost") else { return };
    let Some(scratch) = started(&bare, "") else { return };
    let (elsewhere, state) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let name = scratch.project.clone();
    let file = fs::read(scratch.path("docker-compose.yml")).expect("there");
    let state_path = state.path().display().to_string();
    let run = |words: &[&str]| {
        let words: Vec<&str> = ["-p", &name].into_iter().chain(words.iter().copied()).collect();
        scratch.safe_in(elsewhere.path(), &words, &[("XDG_STATE_HOME", &state_path)])
    };
    fs::rename(scratch.path(""), elsewhere.path().join("moved")).expect("moved");
    let refused = run(&["down", "-v"]).exits(77).says("no longer exists").says(&state_path);
    assert!(fs::read_dir(state.path()).expect("listed").next().is_none(), "a refusal creates no files");
    run(&[&allow(&refused), "down", "-v"]).exits(0).says("verified, cold) to").says(&state_path);
    assert!(run(&["backups"]).exits(0).stdout.contains("db_backup_"));

    // Only a volume is left.
    let project = format!("com.docker.compose.project={name}");
    let key = "com.docker.compose.volume=data";
    docker(&["volume", "create", "--label", &project, "--label", key, &scratch.volume("data")])
        .expect("made");
    run(&["down", "-v"]).says("no container shows").says(&state_path);
    fs::rename(elsewhere.path().join("moved"), scratch.path("")).expect("moved back");
    assert_eq!(fs::read(scratch.path("docker-compose.yml")).expect("there"), file);
}
