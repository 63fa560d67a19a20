//! Holders on a real engine: every way to remove a volume is tried on a protected one, and on one that is not.
//!
//! `container prune` and `volume prune` act on the whole engine, so they are kept to what these tests have made by a label.
//! `system prune` and a restart of the engine are tried in `own_engine.rs`.

use std::process::Stdio;

use rexpect::session::PtySession;
use safe_compose::protect::holder_name;

use crate::requirements::unavailable;
use crate::support::bare::{Bare, docker};
use crate::support::machine::prune_every_volume;
use crate::support::{Compose, Scratch};

/// A Compose file with two volumes, both in use by a service that needs nothing but the scratch image.
const STACK: &str = r#"
services:
  db:
    image: "IMAGE"
    command: ["sleep", "600"]
    stop_signal: SIGKILL
    volumes: ["data:/data", "cache:/cache"]
volumes:
  data:
    labels: { sctest.round: "PROJECT" }
  cache:
    labels: { sctest.round: "PROJECT" }
"#;

/// A project that runs, and its image.
struct Shop {
    scratch: Scratch,
    data: String,
    cache: String,
    /// Label of everything that this test may prune.
    round: String,
    image: String,
    /// Dropped last: the image goes when nothing uses it.
    _bare: Bare,
}

impl Shop {
    fn new(compose: Compose) -> Option<Self> {
        let bare = Bare::new("protect")?;
        let image = bare.image(&[]);
        let file = STACK.replace("IMAGE", &image).replace("PROJECT", &bare.name);
        let scratch = Scratch::new(compose, &file)?;
        scratch.plain(&["up", "-d"]).exits(0);
        let (data, cache) = (scratch.volume("data"), scratch.volume("cache"));
        scratch.plain(&["exec", "-T", "db", "touch", "/data/kept", "/cache/kept"]).exits(0);
        let round = format!("label=sctest.round={}", bare.name);
        Some(Self { scratch, data, cache, round, image, _bare: bare })
    }

    fn has(volume: &str) -> bool {
        docker(&["volume", "inspect", volume]).is_ok()
    }

    /// Whether a volume still holds what was put into it.
    fn is_whole(&self, volume: &str) -> bool {
        let mount = format!("{volume}:/look:ro");
        let listed = docker(&["run", "--rm", "--network", "none", "-v", &mount, &self.image, "ls", "/look"]);
        listed.is_ok_and(|names| names == "kept")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for volume in [&self.data, &self.cache] {
            let _ = docker(&["rm", "-f", &holder_name(volume)]);
        }
    }
}

fn on_both(test: impl Fn(Compose, Shop)) {
    for compose in [Compose::V2, Compose::V1] {
        if let Some(shop) = Shop::new(compose) {
            test(compose, shop);
        }
    }
}

fn inspect(container: &str, format: &str) -> String {
    docker(&["inspect", "--format", format, container]).expect("inspected")
}

#[test]
fn no_compose_removes_a_protected_volume() {
    on_both(|compose, shop| {
        shop.scratch.safe(&["protect", "data"]).exits(0).says("is protected: it cannot be deleted");
        let plan = shop.scratch.safe(&["--safe-plan", "--safe-format=json", "down", "-v"]).exits(0).stdout;
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
        let predicted = |name: &str| {
            let impacts = plan["plan"]["impacts"].as_array().expect("a list");
            let found = impacts.iter().find(|impact| impact["subject"]["name"] == name);
            found.unwrap_or_else(|| panic!("{name} in {plan}"))["effect"].clone()
        };
        assert_eq!(predicted(&shop.data), "none", "{compose:?}");
        assert_eq!(predicted(&shop.cache), "destroy", "{compose:?}");

        let down = shop.scratch.plain(&["down", "-v", "--remove-orphans"]);
        match compose {
            Compose::V2 | Compose::V2Older => down.exits(0).says("Resource is still in use"),
            Compose::V1 => down.exits(1).says("volume is in use"),
        };
        assert!(shop.is_whole(&shop.data), "{compose:?}: the protected volume is whole");
        if compose == Compose::V2 {
            assert!(!Shop::has(&shop.cache), "the other one is gone: the test can tell the difference");
            shop.scratch.plain(&["-p", &shop.scratch.project, "down", "-v", "--remove-orphans"]).exits(0);
            assert!(shop.is_whole(&shop.data), "label mode does not remove it either");
        }
        assert_eq!(inspect(&holder_name(&shop.data), "{{.State.Running}}"), "true", "and its holder runs");

        shop.scratch.plain(&["up", "-d"]).exits(0);
        let seen = shop.scratch.plain(&["exec", "-T", "db", "ls", "/data"]).exits(0).stdout;
        assert_eq!(seen.trim(), "kept", "{compose:?}: the service sees its data again");
    });
}

/// Only Compose 2.40 re-creates volumes; an older one has no such flag, or leaves the volume as it is.
#[test]
fn a_changed_definition_costs_the_service_and_not_the_volume() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    if !shop.scratch.plain(&["up", "--help"]).stdout.contains("--yes") {
        return unavailable("this Compose never re-creates a volume");
    }
    shop.scratch.safe(&["protect", "data"]).exits(0);
    let file = shop.scratch.path("docker-compose.yml");
    let changed = std::fs::read_to_string(&file)
        .expect("the file")
        .replace("data:\n    labels: {", "data:\n    labels: { a: b,");
    std::fs::write(&file, changed).expect("written");
    shop.scratch.plain(&["up", "-d", "-y"]).exits(1).says("volume is in use");
    assert!(shop.is_whole(&shop.data));
    let left = shop.scratch.plain(&["ps", "-a", "-q"]).exits(0).stdout;
    assert_eq!(left.trim(), "", "Compose removes the service's container before it fails");
}

/// What docs/protection.md says of machines without a holder program.
#[test]
fn a_holder_made_by_hand_counts() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    let (name, label) = (holder_name(&shop.data), format!("safe-compose.holder={}", shop.data));
    let mount = format!("type=volume,source={},target=/held,readonly,volume-nocopy", shop.data);
    let mut words = vec!["run", "-d", "--name", &name, "--label", &label, "--restart", "always"];
    words.extend(["--network", "none", "--read-only", "--mount", &mount, &shop.image, "sleep", "infinity"]);
    docker(&words).expect("started");
    shop.scratch.safe(&["protect", "data"]).exits(0).says("is already protected");
    let plan = shop.scratch.safe(&["--safe-plan", "down", "-v"]).exits(0);
    let row =
        plan.stdout.lines().find(|line| line.contains(&format!("volume {}", shop.data))).expect("a row");
    assert!(row.contains("kept"), "{row}");
}

#[test]
fn docker_itself_removes_no_protected_volume() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    shop.scratch.safe(&["protect", "data"]).exits(0);
    shop.scratch.plain(&["down"]).exits(0);
    let refused = docker(&["volume", "rm", "-f", &shop.data]).expect_err("in use");
    assert!(refused.contains("volume is in use"), "{refused}");
    let version = docker(&["version", "--format", "{{.Server.APIVersion}}"]).expect("a version");
    let mut every_volume = prune_every_volume(&version);
    every_volume.extend(["--filter", &shop.round]);
    docker(&every_volume).expect("pruned");
    assert!(!Shop::has(&shop.cache), "what nobody protects is pruned");
    assert!(shop.is_whole(&shop.data));

    let ours = format!("label=safe-compose.project={}", shop.scratch.project);
    docker(&["container", "prune", "-f", "--filter", &ours]).expect("pruned");
    assert_eq!(inspect(&holder_name(&shop.data), "{{.State.Running}}"), "true", "a running one stays");
    docker(&["stop", &holder_name(&shop.data)]).expect("stopped");
    docker(&["container", "prune", "-f", "--filter", &ours]).expect("pruned");
    assert!(docker(&["inspect", &holder_name(&shop.data)]).is_err(), "a stopped one goes: so it has to run");
}

#[test]
fn a_holder_can_do_nothing_but_hold() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    shop.scratch.safe(&["protect", "data"]).exits(0);
    let holder = holder_name(&shop.data);
    for (format, expected) in [
        ("{{.HostConfig.RestartPolicy.Name}}", "always"),
        ("{{.HostConfig.NetworkMode}}", "none"),
        ("{{.HostConfig.ReadonlyRootfs}}", "true"),
        ("{{.HostConfig.Privileged}}", "false"),
        ("{{json .HostConfig.CapDrop}}", r#"["ALL"]"#),
        ("{{json .HostConfig.SecurityOpt}}", r#"["no-new-privileges"]"#),
        ("{{.HostConfig.Memory}}", "33554432"),
        ("{{.HostConfig.PidsLimit}}", "32"),
        ("{{len .Mounts}}", "1"),
        ("{{(index .Mounts 0).RW}}", "false"),
        ("{{(index .HostConfig.Mounts 0).VolumeOptions.NoCopy}}", "true"),
        ("{{.Config.User}}", "65534:65534"),
        ("{{.Config.StopSignal}}", "SIGKILL"),
        (r#"{{index .Config.Labels "com.docker.compose.project"}}"#, ""),
    ] {
        assert_eq!(inspect(&holder, format), expected, "{format}");
    }
    assert_eq!(inspect(&holder, r#"{{index .Config.Labels "safe-compose.holder"}}"#), shop.data);
    assert_eq!(inspect(&holder, r#"{{index .Config.Labels "safe-compose.project"}}"#), shop.scratch.project);
    docker(&["stop", &holder]).expect("stopped");
}

#[test]
fn protecting_is_idempotent_and_mends_a_stopped_holder() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    shop.scratch.safe(&["protect"]).exits(0).says(&shop.data).says(&shop.cache);
    let id = inspect(&holder_name(&shop.data), "{{.Id}}");
    shop.scratch.safe(&["protect", &shop.data]).exits(0).says("is already protected");
    docker(&["stop", &holder_name(&shop.data)]).expect("stopped");
    shop.scratch.safe(&["status"]).exits(0).says("is stopped, so any `prune` removes it");
    shop.scratch.safe(&["protect", "data"]).exits(0).says("is protected again");
    assert_eq!(inspect(&holder_name(&shop.data), "{{.Id}} {{.State.Running}}"), format!("{id} true"));
    shop.scratch.safe(&["protect", "nosuch"]).exits(64).says("volume `nosuch` does not exist");
    assert!(docker(&["volume", "inspect", "nosuch"]).is_err(), "and none was made");
}

#[test]
fn unprotecting_takes_the_typed_name_or_a_token_that_is_spent_at_once() {
    let Some(shop) = Shop::new(Compose::V2) else { return };
    let holder = holder_name(&shop.data);
    shop.scratch.safe(&["protect", "data"]).exits(0);
    let refused = shop.scratch.safe(&["unprotect", "data"]).exits(77).says("no terminal to ask on");
    let token = refused.stderr.split("--safe-allow=").nth(1).and_then(|rest| rest.split(' ').next());
    let allow = format!("--safe-allow={}", token.expect("a token"));
    assert_eq!(inspect(&holder, "{{.State.Running}}"), "true");
    shop.scratch.safe(&[&allow, "down", "-v"]).exits(77).says("the token belongs to another plan");

    shop.scratch.safe(&[&allow, "unprotect", "data"]).exits(0).says("is no longer protected");
    assert!(docker(&["inspect", &holder]).is_err(), "the holder is gone");
    assert!(shop.is_whole(&shop.data), "the volume is not");
    shop.scratch.safe(&["unprotect", "data"]).exits(0).says("is not protected");

    shop.scratch.safe(&["protect", "data"]).exits(0);
    shop.scratch.safe(&[&allow, "unprotect", "data"]).exits(77).says("the token belongs to another plan");
    assert_eq!(typed(&shop, "yes"), Some(77));
    assert_eq!(interrupted(&shop), Some(130));
    assert_eq!(inspect(&holder, "{{.State.Running}}"), "true");
    assert_eq!(typed(&shop, &shop.data), Some(0));
    assert!(docker(&["inspect", &holder]).is_err(), "the holder is gone");

    let history = shop.scratch.safe(&["history", "--last", "4"]).exits(0).stdout;
    let lines: Vec<&str> = history.lines().skip(1).collect();
    assert_eq!(lines.len(), 4, "{history}");
    assert!(
        lines[0].contains("refused")
            && lines[1..3].iter().all(|line| line.contains("not confirmed"))
            && lines[3].contains("ran"),
        "{history}"
    );
}

/// Types a word when `unprotect data` asks for one, and gives the exit code.
fn typed(shop: &Shop, word: &str) -> Option<i32> {
    let mut session = asked(shop);
    session.send_line(word).expect("typed");
    ended(session)
}

/// Presses Ctrl-C there.
fn interrupted(shop: &Shop) -> Option<i32> {
    let mut session = asked(shop);
    session.send_control('c').expect("pressed");
    session.exp_string("was not confirmed").expect("told");
    session.exp_string("Nothing was changed.").expect("told");
    ended(session)
}

fn asked(shop: &Shop) -> PtySession {
    let mut command = shop.scratch.safe_command(&["unprotect", "data"]);
    command.stdin(Stdio::inherit());
    let mut session = rexpect::session::spawn_command(command, Some(20_000)).expect("a terminal");
    session.exp_string("to confirm (anything else cancels)").expect("the question");
    session
}

fn ended(mut session: PtySession) -> Option<i32> {
    session.exp_eof().expect("the end");
    match session.process().wait().expect("ended") {
        rexpect::process::WaitStatus::Exited(_, code) => Some(code),
        _ => None,
    }
}

#[test]
fn status_shows_what_is_at_risk_and_what_is_safe() {
    on_both(|_, shop| {
        shop.scratch.safe(&["protect", "data"]).exits(0);
        let status = shop.scratch.safe(&["status"]).exits(0).says("`db` has no backup yet");
        let row = |volume: &str| {
            let found = status.stdout.lines().find(|line| line.contains(volume));
            found.unwrap_or_else(|| panic!("{volume} in\n{}", status.stdout)).to_owned()
        };
        assert!(row(&shop.data).contains(" yes "), "{}", status.stdout);
        assert!(row(&shop.cache).contains(" no "), "{}", status.stdout);
        assert!(row(&shop.data).contains("running"), "{}", status.stdout);

        shop.scratch.safe(&["backup"]).exits(0);
        let json =
            shop.scratch.safe(&["status", "--format", "json"]).exits(0).never_says("no backup yet").stdout;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let data = json["data"].as_array().expect("a list");
        let of = |volume: &str| data.iter().find(|row| row["place"]["name"] == volume).expect("a row");
        assert_eq!(of(&shop.data)["protection"], "holding");
        assert_eq!(of(&shop.cache)["protection"], "none");
        assert_eq!(of(&shop.data)["container"]["state"], "running");
        assert!(
            of(&shop.data)["newest_backup"]["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("db_backup_"))
        );
    });
}
