//! Services whose data is backed up at one moment.

use safe_compose::backup::consistency::Consistency;
use safe_compose::backup::set;
use safe_compose::backup::store::BackupRoot;
use safe_compose::engine::ContainerState;
use safe_compose::engine::memory::EngineMethod;
use serde_json::{Value, json};

use super::databases::set_tools;
use super::quiesce::{consistencies, course, saving, states};
use super::scene::{Scene, container, mount, shop_config, typed};

const WRITES: &str = "id-app:/uploads";

/// `db` and `app`, which needs it and has a volume of its own. Only files are copied.
pub(super) fn with_group() -> Scene {
    with_settings(&json!({
        "backup": { "together": [["db", "app"]] }, "services": { "db": { "kind": "volume" } }
    }))
}

fn with_settings(settings: &Value) -> Scene {
    let mut config = shop_config();
    config["services"]["app"] = json!({
        "image": "acme/app:1", "depends_on": { "db": { "condition": "service_started" } },
        "volumes": [{ "type": "volume", "source": "uploads", "target": "/uploads", "volume": {} }],
    });
    config["volumes"]["uploads"] = json!({ "name": "shop_uploads" });
    Scene::shop()
        .with_config(&config)
        .with_settings(settings)
        .with_image("acme/app:1")
        .with_volume("shop_uploads", "uploads")
        .with_files("shop_uploads", &[("1.jpg", 100)])
        .with_container(container("app", "acme/app:1", vec![mount("shop_uploads", "/uploads")]))
}

/// The stores of each moment in the newest set.
fn moments(scene: &Scene) -> Vec<Vec<String>> {
    let sets = set::list(&BackupRoot::at(scene.path("backups")));
    let newest = sets.into_iter().next().map(|(_, set)| set.moments).unwrap_or_default();
    newest.into_iter().map(|moment| moment.stores).collect()
}

#[test]
fn a_group_is_held_until_everything_is_copied() {
    let mut scene = with_group();
    let before = states(&scene);
    scene.run("backup --dry-run").run("backup").run("backups").run("backups show latest");
    assert_eq!(states(&scene), before);
    assert_eq!(
        course(&scene),
        [
            "Stop id-app",
            "Pause id-db",
            &format!("ReadArchive {WRITES}"),
            "ReadArchive id-db:/var/lib/postgresql/data",
            "Unpause id-db",
            "Start id-app"
        ]
    );
    assert_eq!(moments(&scene), [["app", "db"]]);
    assert_eq!(consistencies(&scene, "app"), [Consistency::Cold]);
    assert_eq!(consistencies(&scene, "db"), [Consistency::Frozen]);
    scene.snapshot("together/backup");
}

#[test]
fn one_store_of_a_group_needs_no_moment() {
    let scene = with_group();
    assert_eq!(scene.attempt("backup db").exit, 0);
    assert_eq!(
        course(&scene),
        ["Pause id-db", "ReadArchive id-db:/var/lib/postgresql/data", "Unpause id-db"]
    );
    assert!(moments(&scene).is_empty());
}

#[test]
fn the_moment_is_not_claimed_where_a_server_does_not_prove_it() {
    let mut scene = with_settings(&json!({ "backup": { "together": [["db", "app"]] } }));
    set_tools(&mut scene, 17, None);
    let before = states(&scene);
    scene.run("backup");
    assert_eq!(states(&scene), before);
    // The first look at the data of the server is for its identifier.
    let looked = "ReadArchive id-db:/var/lib/postgresql/data";
    assert_eq!(course(&scene), ["Stop id-app", looked, &format!("ReadArchive {WRITES}"), "Start id-app"]);
    assert_eq!(consistencies(&scene, "db"), [Consistency::Dumped]);
    assert!(moments(&scene).is_empty());
    scene.snapshot("together/not_proven");
}

/// A process that is paused may hold a lock for which a dump would wait until it goes on, which is after the dump.
#[test]
fn a_server_is_not_dumped_while_its_clients_are_paused() {
    let mut scene = with_settings(&json!({
        "backup": { "together": [["db", "app"]] }, "services": { "app": { "quiesce": "pause" } }
    }));
    set_tools(&mut scene, 17, None);
    scene.run("backup");
    assert_eq!(
        course(&scene),
        [
            "Pause id-app",
            "Pause id-db",
            "ReadArchive id-db:/var/lib/postgresql/data",
            &format!("ReadArchive {WRITES}"),
            "Unpause id-db",
            "Unpause id-app"
        ]
    );
    assert_eq!(moments(&scene), [["app", "db"]]);
    scene.snapshot("together/paused");
}

#[test]
fn a_backup_that_fails_leaves_no_moment_and_lets_everything_go_on() {
    let mut scene = with_group();
    let before = states(&scene);
    scene.engine.fail(EngineMethod::ReadArchive);
    scene.run("backup");
    assert_eq!(states(&scene), before);
    assert!(moments(&scene).is_empty());
    scene.snapshot("together/copy_failed");

    let mut scene = with_group().with_stop_exit(17);
    scene.run("backup");
    assert_eq!(states(&scene), before);
    assert!(consistencies(&scene, "db").is_empty() && consistencies(&scene, "app").is_empty());
    scene.snapshot("together/stop_failed");
}

#[test]
fn what_is_stopped_already_stays_so() {
    let scene = with_group();
    scene.engine.set_state("shop-app-1", ContainerState::Exited);
    scene.engine.set_state("shop-db-1", ContainerState::Paused);
    let before = states(&scene);
    assert_eq!(scene.attempt("backup").exit, 0);
    assert_eq!(states(&scene), before);
    assert_eq!(moments(&scene), [["app", "db"]]);
}

/// What a program writes when it stops is in the memory of Redis only.
#[test]
fn a_redis_of_a_group_saves_its_data_after_its_clients_have_stopped() {
    let mut config = shop_config();
    config["services"] = json!({
        "app": { "image": "acme/app:1", "volumes": [
            { "type": "volume", "source": "uploads", "target": "/uploads", "volume": {} }
        ] },
        "cache": { "image": "redis:7", "volumes": [
            { "type": "volume", "source": "keys", "target": "/data", "volume": {} }
        ] },
    });
    config["volumes"] = json!({ "uploads": { "name": "shop_uploads" }, "keys": { "name": "shop_keys" } });
    let mut scene = Scene::empty()
        .with_config(&config)
        .with_settings(&json!({ "backup": { "together": [["app", "cache"]] } }))
        .with_image("acme/app:1")
        .with_image("redis:7")
        .with_volume("shop_uploads", "uploads")
        .with_volume("shop_keys", "keys")
        .with_files("shop_keys", &[("dump.rdb", 100)])
        .with_container(container("app", "acme/app:1", vec![mount("shop_uploads", "/uploads")]))
        .with_container(container("cache", "redis:7", vec![mount("shop_keys", "/data")]));
    saving(&mut scene, "rdb\n", 0);
    assert_eq!(scene.attempt("backup").exit, 0);
    let calls = scene.engine.calls();
    let at = |method: EngineMethod, subject: &str| {
        calls.iter().position(|call| call.method == method && call.subject.contains(subject)).expect("called")
    };
    assert!(at(EngineMethod::Stop, "id-app") < at(EngineMethod::Exec, "id-cache"), "{calls:?}");
    assert!(at(EngineMethod::Exec, "id-cache") < at(EngineMethod::Pause, "id-cache"), "{calls:?}");
    assert_eq!(moments(&scene), [["app", "cache"]]);
}

/// What the command stops anyway is not started again in between.
#[test]
fn a_command_that_destroys_the_data_of_a_group_stops_it_once() {
    let scene = with_group().at_terminal(&[typed("shop")]);
    let attempt = scene.attempt("down -v");
    assert_eq!((attempt.exit, attempt.ran), (0, vec!["stop app db web".into(), "down -v".into()]));
    assert!(course(&scene).iter().all(|call| !call.starts_with("Start") && !call.starts_with("Pause")));
    assert_eq!(consistencies(&scene, "db"), [Consistency::Cold]);
    assert_eq!(moments(&scene), [["app", "db"]]);
}

#[test]
fn a_group_that_cannot_be_is_refused() {
    let mut scene = with_settings(&json!({
        "backup": { "together": [["db", "app"]] }, "services": { "app": { "quiesce": "none" } }
    }));
    scene.run("backup").snapshot("together/refused");
}
