//! Containers and images that are removed.

use safe_compose::engine::Image;

use super::*;

/// A further container of `db`.
fn replica(number: u32) -> Container {
    let mut one = container(
        "db",
        "postgres:17",
        vec![mount(&format!("anon{number}"), "/var/lib/postgresql/data", true, false)],
    );
    one.id = format!("db-{number}");
    one.name = format!("shop-db-{number}");
    one.labels.insert("com.docker.compose.container-number".into(), number.to_string());
    one
}

fn scaled() -> Shop {
    let mut shop = Shop::new().declare("db", |db| {
        db.image = Some("postgres:17".into());
        db.mounts.clear();
        db.replicas = 3;
    });
    shop.containers = (1..=3).map(replica).collect();
    shop
}

#[test]
fn fewer_replicas_leave_the_data_of_the_highest_behind() {
    for line in ["scale db=1", "up -d --scale db=1", "create --scale db=1"] {
        let plan = plan(&scaled(), line);
        assert_eq!(decided(&plan, Effect::Orphan), ["anon2", "anon3"], "{line}");
    }
    assert_eq!(decided(&plan(&scaled(), "scale db=0"), Effect::Orphan), ["anon1", "anon2", "anon3"]);
    let fewer = scaled().declare("db", |db| db.replicas = 2);
    assert_eq!(decided(&plan(&fewer, "up -d"), Effect::Orphan), ["anon3"]);
    for line in ["up -d", "scale db=3", "scale db=5", "up -d --scale web=0", "up -d web"] {
        assert!(decided(&plan(&scaled(), line), Effect::Orphan).is_empty(), "{line}");
    }
}

#[test]
fn of_replicas_that_are_outdated_any_may_go() {
    let mut shop = scaled();
    for container in &mut shop.containers {
        container.labels.insert(HASH.into(), "h".into());
    }
    let known = |hash: &str| safe_compose::guard::Hashes::Known([("db".into(), hash.into())].into());
    shop.probe.hashes = known("h");
    assert_eq!(decided(&plan(&shop, "up -d --scale db=2"), Effect::Orphan), ["anon3"]);
    shop.probe.hashes = known("other");
    assert_eq!(decided(&plan(&shop, "up -d --scale db=2"), Effect::Orphan), ["anon1", "anon2", "anon3"]);
    let v1 = shop.assess(Grammar::V1, &["up", "-d", "--scale", "db=2"]);
    assert_eq!(decided(&v1, Effect::Orphan), ["anon3"], "V1 goes by the numbers");
}

/// `old` is not in the file any more.
fn with_orphan() -> Shop {
    let mut shop = Shop::new();
    shop.containers.push(container(
        "old",
        "postgres:17",
        vec![mount("anon", "/var/lib/postgresql/data", true, false)],
    ));
    shop
}

#[test]
fn orphans_go_only_when_they_are_told_to() {
    for line in [
        "up -d --remove-orphans",
        "create --remove-orphans",
        "run --remove-orphans web",
        "down --remove-orphans",
    ] {
        assert_eq!(decided(&plan(&with_orphan(), line), Effect::Orphan), ["anon"], "{line}");
    }
    for line in ["up -d", "down", "kill --remove-orphans", "up -d --remove-orphans=false"] {
        assert!(decided(&plan(&with_orphan(), line), Effect::Orphan).is_empty(), "{line}");
    }
}

#[test]
fn the_variable_speaks_for_up_and_down_only() {
    let mut shop = with_orphan();
    shop.probe.remove_orphans = true;
    for line in ["up -d", "down"] {
        assert_eq!(decided(&plan(&shop, line), Effect::Orphan), ["anon"], "{line}");
    }
    for line in ["run web", "up -d --remove-orphans=false", "stop"] {
        assert!(decided(&plan(&shop, line), Effect::Orphan).is_empty(), "{line}");
    }
}

#[test]
fn volumes_of_orphans_stay_even_under_down_with_volumes() {
    let plan = plan(&with_orphan(), "down -v --remove-orphans");
    assert_eq!(volumes(&plan, Effect::Orphan), ["anon"]);
    assert_eq!(decided(&plan, Effect::Destroy), ["shop_data"]);
}

#[test]
fn waiting_can_take_the_project_down() {
    let bare = Shop::new().with_bare_db();
    assert_eq!(layers(&plan(&bare, "wait --down-project web"), Effect::Destroy), ["shop-db-1"]);
    assert_eq!(plan(&bare, "wait web").impacts, []);
    // Profiles do not narrow it.
    let mut shop = Shop::new();
    shop.containers[1].mounts.clear();
    assert_eq!(layers(&plan(&shop, "wait --down-project web"), Effect::Destroy), ["shop-cache-1"]);
    assert!(layers(&plan(&shop, "down"), Effect::Destroy).is_empty(), "it is in an inactive profile");
}

#[test]
fn anonymous_volumes_of_a_database_are_asked_about() {
    let mut shop = scaled();
    shop.containers.truncate(1);
    for line in ["down", "rm -fs", "rm -s -f db"] {
        assert_eq!(decided(&plan(&shop, line), Effect::Orphan), ["anon1"], "{line}");
    }
    for line in ["down -v", "rm -fsv"] {
        assert!(decided(&plan(&shop, line), Effect::Destroy).contains(&"anon1"), "{line}");
    }
    // A side volume of its image holds no data.
    shop.containers[0].mounts =
        vec![named("shop_data", "/var/lib/postgresql/data"), mount("anon1", "/etc/side", true, false)];
    assert_eq!(plan(&shop, "down").worst(), Effect::Interrupt);
}

#[test]
fn a_database_in_memory_is_told() {
    let mut shop = Shop::new().with_bare_db();
    shop.containers[0].mounts = vec![Mount {
        source: MountSource::Tmpfs,
        destination: "/qdrant/storage".into(),
        read_only: false,
        subpath: None,
    }];
    for line in ["stop", "restart", "down", "kill", "rm -fs", "up -d --force-recreate"] {
        let plan = plan(&shop, line);
        assert_eq!(plan.worst(), Effect::Interrupt, "{line}");
        assert!(plan.impacts.iter().any(|impact| matches!(impact.subject, Subject::Tmpfs { .. })), "{line}");
    }
}

#[test]
fn an_image_that_nobody_else_has_is_asked_about() {
    let image = |in_registry| Some(Image { id: "sha256:1".into(), in_registry, ..Image::default() });
    let mut shop = Shop::new();
    shop.probe.images = [("node:22".to_owned(), image(InRegistry::Yes))].into();
    assert_eq!(plan(&shop, "down --rmi all").worst(), Effect::Interrupt, "it can be pulled");
    shop.probe.images = [("node:22".to_owned(), image(InRegistry::No))].into();
    assert_eq!(plan(&shop, "down --rmi all").worst(), Effect::Destroy);
    assert_eq!(plan(&shop, "down --rmi local").worst(), Effect::Interrupt, "it has a name of its own");
    assert_eq!(plan(&shop, "down").worst(), Effect::Interrupt);
    shop.probe.images = [("node:22".to_owned(), image(InRegistry::Unknown))].into();
    let unknown = plan(&shop, "down --rmi all");
    assert_eq!(unknown.worst(), Effect::Interrupt, "it is told, and not asked about");
    assert!(unknown.impacts.iter().any(|impact| impact.effect == Effect::Destroy && impact.notice));
    shop.probe.images = [("node:22".to_owned(), image(InRegistry::No))].into();
    let built = shop.declare("web", |web| web.built = true);
    assert_eq!(plan(&built, "down --rmi all").worst(), Effect::Interrupt, "it can be built");
}

#[test]
fn a_service_can_be_given_up() {
    let mut shop = scaled();
    shop.settings =
        Settings::read(Some(&serde_json::json!({ "services": { "db": { "disposable": true } } })))
            .expect("settings");
    let plan = plan(&shop, "down -v");
    assert!(decided(&plan, Effect::Destroy).iter().all(|name| !name.starts_with("anon")));
}
