//! Volumes that are made anew or renewed.

use super::*;

/// The label on `shop_data` is of another definition.
fn diverged() -> Shop {
    let mut shop = Shop::new();
    shop.volumes[0].labels.insert(HASH.into(), "another".into());
    shop
}

#[test]
fn yes_deletes_a_volume_whose_definition_has_changed() {
    for line in ["up -d -y", "up --yes", "create -y", "up -dy db"] {
        assert_eq!(decided(&plan(&diverged(), line), Effect::Destroy), ["shop_data"], "{line}");
    }
    for line in ["up -d", "create", "up -y web", "up -y --yes=false", "restart", "down"] {
        assert!(volumes(&plan(&diverged(), line), Effect::Destroy).is_empty(), "{line}");
    }
    assert!(volumes(&plan(&Shop::new(), "up -d -y"), Effect::Destroy).is_empty(), "no label, no digest");
}

#[test]
fn on_a_terminal_compose_asks_itself() {
    let mut shop = diverged();
    shop.probe.terminal = true;
    for line in ["up -d", "create", "run db sh"] {
        let plan = plan(&shop, line);
        assert_eq!(volumes(&plan, Effect::Destroy), ["shop_data"], "{line}");
        assert!(plan.worst() < Effect::Orphan, "{line}");
    }
}

#[test]
fn a_volume_that_stays_in_use_is_kept_though_its_service_goes() {
    let mut shop = diverged();
    shop.probe.foreign_users.push(container("holder", "busybox", vec![named("shop_data", "/x")]));
    let plan = plan(&shop, "up -d -y");
    assert_eq!(volumes(&plan, Effect::None), ["shop_data"]);
    assert_eq!(plan.worst(), Effect::Interrupt);
}

#[test]
fn v1_knows_no_digest() {
    assert!(diverged().assess(Grammar::V1, &["up", "-d"]).impacts.is_empty());
}

#[test]
fn renewing_leaves_anonymous_volumes_behind() {
    let mut shop = Shop::new();
    shop.containers[0].image = "postgres:17".into();
    shop.containers[0].mounts = vec![mount("anon", "/var/lib/postgresql/data", true, true)];
    let shop = shop.declare("db", |db| {
        db.image = Some("postgres:17".into());
        db.mounts.clear();
    });
    for line in ["up -V", "up -dV", "up db -dV", "up --renew-anon-volumes"] {
        assert_eq!(decided(&plan(&shop, line), Effect::Orphan), ["anon"], "{line}");
    }
    for line in ["up -d", "up -dV web", "up --renew-anon-volumes=false", "up -d --force-recreate"] {
        assert!(decided(&plan(&shop, line), Effect::Orphan).is_empty(), "{line}");
    }
    assert_eq!(decided(&shop.assess(Grammar::V1, &["up", "-V"]), Effect::Orphan), ["anon"]);
}
