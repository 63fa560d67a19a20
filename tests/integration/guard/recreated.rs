//! Containers that are made anew.

use safe_compose::engine::Image;
use safe_compose::guard::Hashes;

use super::*;

fn hashes(db: &str) -> Hashes {
    Hashes::Known([("db", db), ("web", "w"), ("cache", "c")].map(|(k, v)| (k.into(), v.into())).into())
}

fn bare(db_hash: &str) -> Shop {
    let mut shop = Shop::new().with_bare_db().label(0, HASH, "h").label(1, HASH, "c").label(2, HASH, "w");
    shop.probe.hashes = hashes(db_hash);
    shop
}

fn image(id: &str) -> Image {
    Image { id: id.into(), ..Image::default() }
}

#[test]
fn an_up_that_changes_nothing_loses_nothing() {
    assert_eq!(plan(&bare("h"), "up -d").impacts, []);
    assert_eq!(plan(&bare("h"), "create").impacts, []);
}

#[test]
fn a_changed_configuration_drops_the_layer() {
    for line in ["up -d", "create", "up --no-start", "scale web=1 db=1", "up db"] {
        assert_eq!(layers(&plan(&bare("other"), line), Effect::Destroy), ["shop-db-1"], "{line}");
    }
    for line in ["up -d --no-recreate", "up -d web", "start", "restart", "run db sh"] {
        assert!(layers(&plan(&bare("other"), line), Effect::Destroy).is_empty(), "{line}");
    }
}

#[test]
fn what_cannot_be_compared_may_be_made_anew() {
    let mut shop = bare("h");
    shop.probe.hashes = Hashes::Unknown;
    assert_eq!(plan(&shop, "up -d").worst(), Effect::Destroy);
    let mut unlabelled = bare("h");
    unlabelled.containers[0].labels.remove(HASH);
    assert_eq!(plan(&unlabelled, "up -d").worst(), Effect::Destroy);
}

#[test]
fn a_flag_can_make_everything_anew() {
    for line in
        ["up -d --force-recreate", "create --force-recreate", "up --no-start --force-recreate", "up -dV"]
    {
        assert_eq!(layers(&plan(&bare("h"), line), Effect::Destroy), ["shop-db-1"], "{line}");
    }
    let shop = bare("h").declare("web", |web| web.depends_on = vec!["db".into()]);
    assert!(layers(&plan(&shop, "up -d --force-recreate web"), Effect::Destroy).is_empty());
    assert_eq!(layers(&plan(&shop, "up -d --always-recreate-deps web"), Effect::Destroy), ["shop-db-1"]);
    assert!(layers(&plan(&shop, "up -d --always-recreate-deps --no-deps web"), Effect::Destroy).is_empty());
}

#[test]
fn another_image_drops_the_layer() {
    const LABEL: &str = "com.docker.compose.image";
    let mut shop = bare("h").label(0, LABEL, "sha256:0");
    shop.probe.images = [("qdrant/qdrant:v1.19.0".into(), Some(image("sha256:0")))].into();
    assert_eq!(plan(&shop, "up -d").worst(), Effect::None);
    shop.probe.images = [("qdrant/qdrant:v1.19.0".into(), Some(image("sha256:1")))].into();
    assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), ["shop-db-1"]);
    shop.probe.images = [("qdrant/qdrant:v1.19.0".into(), None)].into();
    assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), ["shop-db-1"]);
    assert_eq!(plan(&shop, "up -d --no-recreate").worst(), Effect::None);
}

#[test]
fn building_and_pulling_may_bring_another_image() {
    let built = bare("h").declare("db", |db| db.built = true);
    assert_eq!(plan(&built, "up -d").worst(), Effect::None);
    assert_eq!(plan(&built, "up -d --build").worst(), Effect::Destroy);
    assert_eq!(plan(&bare("h"), "up -d --build").worst(), Effect::None, "it is not built");
    assert_eq!(plan(&bare("h"), "up -d --pull always").worst(), Effect::Destroy);
    assert_eq!(plan(&bare("h"), "up -d --pull missing").worst(), Effect::None);
    let always = bare("h").declare("db", |db| db.pull_policy = Some("always".into()));
    assert_eq!(plan(&always, "up -d").worst(), Effect::Destroy);
}

#[test]
fn who_shares_a_namespace_goes_too() {
    let mut shop = bare("h").declare("db", |db| db.joins = vec!["web".into()]);
    assert_eq!(plan(&shop, "up -d").worst(), Effect::None);
    shop.containers[2].labels.insert(HASH.into(), "before".into());
    assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), ["shop-db-1"]);
    // A container that is created has another id than the one that the service used.
    let mut alone = bare("h").declare("db", |db| db.joins = vec!["web".into()]);
    alone.containers.remove(2);
    assert_eq!(layers(&plan(&alone, "up -d"), Effect::Destroy), ["shop-db-1"]);
}

#[test]
fn run_of_v1_leaves_existing_containers_alone() {
    let shop = bare("other").declare("web", |web| web.depends_on = vec!["db".into()]);
    let run = |grammar| shop.assess(grammar, &["run", "--rm", "web", "true"]);
    assert_eq!(layers(&run(Grammar::V2), Effect::Destroy), ["shop-db-1"]);
    assert!(layers(&run(Grammar::V1), Effect::Destroy).is_empty());
}

#[test]
fn only_a_newer_v2_compares_the_names_of_volumes() {
    let mut shop = bare("h").declare("db", |db| {
        let source = DeclaredSource::Named { key: "fresh".into(), subpath: None };
        db.mounts.push(MountDeclaration { source, target: "/fresh".into(), read_only: false });
    });
    let fresh = VolumeDeclaration { name: "shop_fresh".into(), ..VolumeDeclaration::default() };
    for model in [&mut shop.model, &mut shop.whole] {
        model.volumes.insert("fresh".into(), fresh.clone());
    }
    for (version, is_recreated) in [(None, true), (Some((2, 26)), false), (Some((2, 32)), true)] {
        shop.probe.version = version;
        assert_eq!(
            layers(&plan(&shop, "up -d"), Effect::Destroy).len(),
            usize::from(is_recreated),
            "{version:?}"
        );
    }
    assert!(layers(&shop.assess(Grammar::V1, &["up", "-d"]), Effect::Destroy).is_empty());
}

#[test]
fn a_named_volume_is_carried_over() {
    let shop = Shop::new();
    let plan = plan(&shop, "up -d --force-recreate");
    assert_eq!(plan.worst(), Effect::Interrupt);
    assert!(volumes(&plan, Effect::Orphan).is_empty(), "anonymous volumes are carried over");
}

#[test]
fn the_layer_of_a_program_that_we_do_not_know_is_told() {
    let shop = Shop::new();
    let plan = plan(&shop, "up -d --force-recreate web");
    assert_eq!(plan.worst(), Effect::Interrupt);
    assert!(plan.impacts.iter().any(|impact| impact.notice && impact.effect == Effect::Destroy));
}

#[test]
fn a_known_database_without_a_mount_is_asked_about() {
    for image in ["postgres:17", "elasticsearch:9.1.0", "grafana/grafana:12"] {
        let mut shop = bare("other");
        shop.containers[0].image = image.into();
        assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), ["shop-db-1"], "{image}");
    }
    let mut shop = bare("other");
    shop.containers[0].image = "prometheuscommunity/postgres-exporter".into();
    assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), [""; 0]);
}

#[test]
fn a_cache_without_a_volume_is_reported() {
    for image in ["redis:7", "valkey/valkey:8", "rabbitmq:4"] {
        let mut shop = bare("other");
        shop.containers[0].image = image.into();
        for line in ["up -d", "down"] {
            let plan = plan(&shop, line);
            assert_eq!(layers(&plan, Effect::Destroy), [""; 0], "{image}");
            let is_reported = |impact: &Impact| impact.notice && impact.effect == Effect::Destroy;
            assert!(plan.impacts.iter().any(is_reported), "{image}");
            let says_so = |impact: &Impact| impact.notice && impact.reason.contains("its data is lost");
            assert!(plan.impacts.iter().any(says_so), "{image} {line}");
        }
        // An anonymous volume is the image's own.
        let target = safe_compose::inventory::known::program(image).expect("known").paths[0];
        shop.containers[0].mounts = vec![mount(ANONYMOUS, target, true, false)];
        assert!(plan(&shop, "down").worst() < Effect::Orphan, "{image}");
        shop.containers[0].mounts.clear();
    }
    for command in [
        &["redis-server", "--appendonly", "yes"][..],
        &["redis-server", "--save", "60 1"],
        &["sh", "-c", "exec redis-server --appendonly yes"],
        &["redis-server", "/etc/redis.conf"],
    ] {
        let mut shop = bare("other");
        shop.containers[0].image = "redis:7".into();
        shop.containers[0].command = command.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), ["shop-db-1"], "{command:?}");
        shop.containers[0].command =
            ["redis-server", "--appendonly", "no", "--save", ""].map(Into::into).into();
        assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), [""; 0]);
    }
}

#[test]
fn a_cache_that_writes_nothing_has_nothing_to_lose() {
    for image in ["memcached:1.6", "bitnami/memcached"] {
        let mut shop = bare("other");
        shop.containers[0].image = image.into();
        for line in ["up -d", "up -d --force-recreate", "down", "rm -sf"] {
            let plan = plan(&shop, line);
            assert!(plan.worst() < Effect::Orphan, "{image} {line}: {plan:?}");
        }
        shop.containers[0].mounts = vec![mount(ANONYMOUS, "/data", true, false)];
        assert!(plan(&shop, "down").worst() < Effect::Orphan, "{image}");
    }
}

#[test]
fn an_older_compose_renews_only_what_it_makes_anew() {
    let mut shop = bare("h");
    shop.probe.version = Some((2, 26));
    assert_eq!(plan(&shop, "up -dV").impacts, []);
    for version in [Some((2, 30)), Some((2, 40)), Some((5, 0)), None] {
        shop.probe.version = version;
        assert_eq!(layers(&plan(&shop, "up -dV"), Effect::Destroy), ["shop-db-1"], "{version:?}");
    }
}

#[test]
fn v1_does_not_carry_over_what_it_does_not_find_in_the_image() {
    let mut shop = Shop::new();
    shop.containers[2].image_id = "sha256:2".into();
    let web = |shop: &Shop| {
        volumes(&shop.assess(Grammar::V1, &["up", "-d", "--force-recreate"]), Effect::Orphan).len()
    };
    let mut made = Image { volumes: vec!["/app/node_modules".into()], ..image("sha256:2") };
    shop.probe.images.insert("node:22".into(), Some(made.clone()));
    shop.probe.images.insert("sha256:2".into(), Some(made.clone()));
    assert_eq!(web(&shop), 1);
    assert!(volumes(&plan(&shop, "up -d --force-recreate"), Effect::Orphan).is_empty());
    made.container_config_volumes = made.volumes.clone();
    shop.probe.images.insert("sha256:2".into(), Some(made));
    assert_eq!(web(&shop), 0);
}

#[test]
fn an_older_compose_makes_dependents_anew_too() {
    let dependent = |version| {
        let mut shop = bare("h").declare("db", |db| db.depends_on = vec!["web".into()]);
        shop.probe.hashes =
            Hashes::Known([("db", "h"), ("web", "other")].map(|(k, v)| (k.into(), v.into())).into());
        shop.probe.version = version;
        shop
    };
    for version in [None, Some((2, 26))] {
        let shop = dependent(version);
        assert_eq!(layers(&plan(&shop, "up -d"), Effect::Destroy), ["shop-db-1"], "{version:?}");
        assert!(layers(&plan(&shop, "up -d web"), Effect::Destroy).is_empty(), "{version:?}");
        assert!(layers(&plan(&shop, "up -d --no-recreate"), Effect::Destroy).is_empty(), "{version:?}");
    }
    for version in [(2, 30), (2, 40), (5, 0)] {
        assert!(layers(&plan(&dependent(Some(version)), "up -d"), Effect::Destroy).is_empty(), "{version:?}");
    }
    // V1 does it where the dependent is stopped.
    let mut shop = dependent(None);
    let v1 = |shop: &Shop| shop.assess(Grammar::V1, &["up", "-d"]);
    assert!(layers(&v1(&shop), Effect::Destroy).is_empty());
    shop.containers[0].state = ContainerState::Exited;
    assert_eq!(layers(&v1(&shop), Effect::Destroy), ["shop-db-1"]);
}

#[test]
fn v1_keeps_what_is_mounted_at_a_volume_of_the_image() {
    let mut shop = Shop::new().declare("web", |web| {
        let source = DeclaredSource::Named { key: "modules".into(), subpath: None };
        web.mounts.push(MountDeclaration { source, target: "/app/node_modules".into(), read_only: false });
    });
    let modules = VolumeDeclaration { name: "shop_modules".into(), ..VolumeDeclaration::default() };
    for model in [&mut shop.model, &mut shop.whole] {
        model.volumes.insert("modules".into(), modules.clone());
    }
    shop.containers[2].image_id = "sha256:2".into();
    let lost = |shop: &Shop, grammar| {
        volumes(&shop.assess(grammar, &["up", "-d", "--force-recreate"]), Effect::Orphan).len()
    };
    let mut made = Image { volumes: vec!["/app/node_modules".into()], ..image("sha256:2") };
    assert_eq!(lost(&shop, Grammar::V1), 1, "the image is not known");
    shop.probe.images.insert("sha256:2".into(), Some(made.clone()));
    assert_eq!(lost(&shop, Grammar::V1), 1, "V1 does not see the volume of the image");
    made.container_config_volumes = made.volumes.clone();
    shop.probe.images.insert("sha256:2".into(), Some(made));
    assert_eq!(lost(&shop, Grammar::V1), 0);
    assert_eq!(lost(&shop, Grammar::V2), 1);
}
