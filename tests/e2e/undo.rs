//! `undo` on a real engine: the bytes and the state of the services are those from before the command.

use std::time::Duration;

use crate::support::bare::{Bare, docker};
use crate::support::scratch::Ran;
use crate::support::{Compose, Scratch};

/// Fills its data directory once, and waits.
fn server(path: &str) -> String {
    let script = "busybox test -e PATH/MARK || { busybox head -c 100000 /dev/urandom > PATH/file; echo x > PATH/MARK; }; trap 'exit 0' TERM; while :; do busybox sleep 1 & wait $!; done";
    script.replace("PATH", path).replace('$', "$$")
}

fn service(name: &str, image: &str, mounts: &str, path: &str) -> String {
    format!(
        "  {name}:\n    image: {image}\n    volumes: [ {mounts} ]\n    command: [ \"/bin/sh\", \"-c\", \"{}\" ]\n",
        server(path)
    )
}

/// A named volume, an anonymous one of a known data path with a bind mount beside it, and data in a layer.
fn stack(image: &str) -> String {
    let services = [
        service("named", image, "\"data:/data\"", "/data"),
        service("anonymous", image, "\"/var/lib/mysql\", \"./bind:/bind\"", "/var/lib/mysql"),
        service("idle", image, "\"idle:/data\"", "/data"),
        service("layer", image, "", "/srv"),
    ];
    format!("services:\n{}volumes: {{ data: {{}}, idle: {{}} }}\n", services.concat())
}

fn id(project: &Scratch, service: &str) -> String {
    let found = project.plain(&["ps", "-aq", service]).exits(0).stdout;
    found.lines().next().expect("a container").to_owned()
}

/// The names, modes and contents of everything below a path, as the mounts of a service's container have it.
fn contents(project: &Scratch, service: &str, path: &str, image: &str) -> String {
    let script = format!(
        "cd {path} && busybox find . -exec busybox stat -c '%n %u:%g %a' {{}} + | busybox sort && busybox find . -type f -exec busybox sha256sum {{}} + | busybox sort"
    );
    let container = id(project, service);
    let words =
        ["run", "--rm", "--network", "none", "--volumes-from", &container, image, "/bin/sh", "-c", &script];
    docker(&words).expect("looked at")
}

const PLACES: [(&str, &str); 4] =
    [("named", "/data"), ("anonymous", "/var/lib/mysql"), ("anonymous", "/bind"), ("idle", "/data")];

fn seen(project: &Scratch, image: &str) -> Vec<String> {
    PLACES.iter().map(|(service, path)| contents(project, service, path, image)).collect()
}

fn runs(project: &Scratch, service: &str) -> bool {
    let state = docker(&["inspect", "--format", "{{.State.Running}}", &id(project, service)]);
    state.expect("inspected") == "true"
}

#[track_caller]
fn wait_for_files(project: &Scratch, image: &str) {
    let is_there = |(service, path): &(&str, &str)| {
        *path == "/bind" || contents(project, service, path, image).contains("./MARK")
    };
    let all = || PLACES.iter().all(is_there);
    assert!((0..1200).any(|_| all() || {
        std::thread::sleep(Duration::from_millis(100));
        false
    }));
}

#[track_caller]
fn confirmed(project: &Scratch, words: &[&str]) -> Ran {
    let refused = project.safe(words).exits(77).stderr;
    let token = refused.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let flag = format!("--safe-allow={}", token.expect("a token"));
    project.safe(&[&[flag.as_str()], words].concat())
}

#[test]
fn what_a_command_took_comes_back() {
    let Some(bare) = Bare::new("undo") else { return };
    let image = bare.image(&[]);
    let Some(project) = Scratch::new(Compose::V2, &stack(&image)) else { return };
    std::fs::create_dir_all(project.path("bind")).expect("made");
    std::fs::write(project.path("bind/config"), "kept").expect("written");
    project.plain(&["up", "-d"]).exits(0);
    wait_for_files(&project, &image);
    project.plain(&["stop", "idle"]).exits(0);
    let before = seen(&project, &image);

    confirmed(&project, &["down", "-v"]).exits(0).says("undo");
    assert!(docker(&["volume", "inspect", &project.volume("data")]).is_err());
    let plan = project.safe(&["undo", "--dry-run"]).exits(0).stdout;
    assert!(plan.contains("start `named`") && plan.contains("`/data` of `named`"), "{plan}");
    // The directory is still there, and part of a backup: replacing it has to be confirmed.
    confirmed(&project, &["undo"]).exits(0).says("was undone");
    assert_eq!(seen(&project, &image), before);
    for (service, expected) in [("named", true), ("anonymous", true), ("layer", true), ("idle", false)] {
        assert_eq!(runs(&project, service), expected, "{service}");
    }
    // It is not undone twice.
    project.safe(&["undo"]).exits(64).says("no command is recorded");

    // A restore replaces what was written since, and that comes back.
    project.plain(&["exec", "-T", "named", "/bin/sh", "-c", "echo new > /data/new"]).exits(0);
    let changed = seen(&project, &image);
    confirmed(&project, &["restore", "latest", "--service", "named"]).exits(0);
    assert_eq!(seen(&project, &image), before);
    confirmed(&project, &["undo"]).exits(0);
    assert_eq!(seen(&project, &image), changed);
    assert!(runs(&project, "named"));
}
