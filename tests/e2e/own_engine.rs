//! Holders against what happens to a whole engine, tried on an engine that is the test's own: every `prune`, a restart,
//! a power cut.

use safe_compose::protect::holder_name;

use crate::support::machine::prune_every_volume;
use crate::support::own_engine::{IMAGE, OwnEngine};
use crate::support::{Compose, Scratch};

const STACK: &str = r#"
services:
  db: { image: "IMAGE", command: ["sleep", "600"], stop_signal: SIGKILL, network_mode: none, volumes: ["data:/data", "cache:/cache"] }
volumes: { data: , cache: }
"#;

/// A project on the engine, its `data` protected and its `cache` not; both hold a file.
fn shop(engine: &OwnEngine) -> Option<Scratch> {
    let scratch = Scratch::new(Compose::V2, &STACK.replace("IMAGE", IMAGE))?.on(&engine.url());
    scratch.plain(&["up", "-d"]).exits(0);
    scratch.plain(&["exec", "-T", "db", "touch", "/data/kept", "/cache/kept"]).exits(0);
    scratch.safe(&["protect", "data"]).exits(0);
    Some(scratch)
}

fn has(engine: &OwnEngine, volume: &str) -> bool {
    engine.try_docker(&["volume", "inspect", volume]).is_ok()
}

fn is_whole(engine: &OwnEngine, scratch: &Scratch) -> bool {
    let mount = format!("{}:/look:ro", scratch.volume("data"));
    // A prune takes the image too.
    let image = "safe-compose-holder:1";
    let made = engine.docker(&["create", "--network", "none", "-v", &mount, image]);
    let copied = scratch.path("copied");
    let read = engine.try_docker(&["cp", &format!("{made}:/look/kept"), &copied.display().to_string()]);
    engine.docker(&["rm", &made]);
    read.is_ok()
}

fn holder_runs(engine: &OwnEngine, scratch: &Scratch) -> bool {
    let holder = holder_name(&scratch.volume("data"));
    engine.try_docker(&["inspect", "--format", "{{.State.Running}}", &holder]).as_deref() == Ok("true")
}

#[test]
fn no_prune_takes_a_protected_volume() {
    let Some(engine) = OwnEngine::start() else { return };
    let Some(shop) = shop(&engine) else { return };
    shop.plain(&["down"]).exits(0);
    let every_volume = prune_every_volume(&engine.docker(&["version", "--format", "{{.Server.APIVersion}}"]));
    let every_volume = every_volume.as_slice();
    for words in [&["system", "prune", "-a", "-f", "--volumes"], every_volume, &["container", "prune", "-f"]]
    {
        engine.docker(words);
        assert!(holder_runs(&engine, &shop), "{words:?}");
        assert!(is_whole(&engine, &shop), "{words:?}");
    }
    assert!(!has(&engine, &shop.volume("cache")), "what nobody protects is pruned");

    engine.docker(&["stop", &holder_name(&shop.volume("data"))]);
    engine.docker(&["system", "prune", "-f", "--volumes"]);
    engine.docker(every_volume);
    assert!(
        !has(&engine, &shop.volume("data")),
        "a stopped holder goes, and the volume with it: it has to run"
    );
}

/// Holders come back by themselves, and before anybody can remove anything.
#[test]
fn a_holder_comes_back_with_its_engine() {
    let Some(mut engine) = OwnEngine::start() else { return };
    let Some(shop) = shop(&engine) else { return };
    for ending in ["a restart", "a power cut"] {
        if ending == "a restart" {
            engine.restart();
        } else {
            engine.lose_power();
        }
        shop.plain(&["down", "-v"]).exits(0).says("Resource is still in use");
        assert!(has(&engine, &shop.volume("data")), "after {ending}");
        assert!(!has(&engine, &shop.volume("cache")), "after {ending}: the other one goes");
        assert!(holder_runs(&engine, &shop), "after {ending}");
        assert!(is_whole(&engine, &shop), "after {ending}");
        shop.plain(&["up", "-d"]).exits(0);
    }
}

/// The engines of one machine can have one id; a token is of one of them.
#[test]
fn a_token_of_one_engine_opens_nothing_on_another() {
    let (Some(one), Some(other)) = (OwnEngine::start(), OwnEngine::start()) else { return };
    let Some(here) = shop(&one) else { return };
    let there = |words: &[&str]| here.safe_with(words, &[("DOCKER_HOST", &other.url())]);
    // The same project, the same volumes, made in the same second.
    for engine in [&one, &other] {
        engine.try_docker(&["rm", "-f", &holder_name(&here.volume("data"))]).ok();
    }
    here.plain(&["down"]).exits(0);
    let (cache, data) = (here.volume("cache"), here.volume("data"));
    let created = |engine: &OwnEngine| {
        engine.docker(&["volume", "inspect", "--format", "{{.CreatedAt}}", &cache, &data])
    };
    for engine in [&one, &other] {
        for (volume, key) in [(&cache, "cache"), (&data, "data")] {
            engine.try_docker(&["volume", "rm", volume]).ok();
            let project = format!("com.docker.compose.project={}", here.project);
            let key = format!("com.docker.compose.volume={key}");
            engine.docker(&["volume", "create", "--label", &project, "--label", &key, volume]);
        }
    }
    let of_one_second = || {
        for (engine, volume) in [(&one, &cache), (&one, &data), (&other, &cache), (&other, &data)] {
            engine.renew_volume(volume);
        }
        created(&one) == created(&other)
    };
    assert!((0..5).any(|_| of_one_second()), "renewing four volumes takes milliseconds");
    for (engine, volume) in [(&one, &cache), (&one, &data), (&other, &cache), (&other, &data)] {
        let directory = engine.docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume]);
        std::fs::write(format!("{directory}/kept"), "precious").expect("written");
    }
    let token = |text: &str| {
        let after = text.split("--safe-allow=").nth(1).unwrap_or_else(|| panic!("a token in\n{text}"));
        format!("--safe-allow={}", after.split(' ').next().expect("a word"))
    };
    let of_one = token(&here.safe(&["down", "-v"]).exits(77).stderr);
    let of_other = token(&there(&["down", "-v"]).exits(77).stderr);
    assert_ne!(of_one, of_other);
    there(&[&of_one, "down", "-v"]).exits(77).says("the token belongs to another plan");
    here.safe(&[&of_other, "down", "-v"]).exits(77).says("the token belongs to another plan");
    assert!(has(&one, &data) && has(&other, &data), "nothing was removed");

    there(&["--safe-skip-backup", &of_other, "down", "-v"]).exits(0);
    assert!(has(&one, &data) && !has(&other, &data), "each opens its own");
    here.safe(&["--safe-skip-backup", &of_one, "down", "-v"]).exits(0);
    assert!(!has(&one, &data));
}
