//! What programs that nobody knows write outside of their mounts.

use safe_compose::engine::Layer;
use safe_compose::guard::{Hashes, NotableLayer, layers_at_risk, needs_hashes};

use super::*;

fn notable(bytes: u64, written: &[&str]) -> Option<NotableLayer> {
    let layer = Layer { bytes: Some(bytes), written: written.iter().map(PathBuf::from).collect() };
    NotableLayer::of(&container("web", "acme/panel:1", vec![named("shop_web", "/app/kept")]), &layer)
}

#[test]
fn a_large_layer_or_a_database_is_worth_a_warning() {
    assert!(notable(10_000_000, &["/var/log/app.log"]).is_some());
    for database in ["/app/data/app.sqlite", "/srv/x.DB", "/root/y.sqlite3", "/app/store.mv.db"] {
        assert!(notable(0, &["/app", database]).is_some(), "{database}");
    }
    for other in [
        "/app/kept/app.sqlite",
        "/tmp/x.db",
        "/root/.cache/y.db",
        "/usr/lib/aliases.db",
        "/app/node_modules/a/b.db",
        "/app/sqlite",
        "/app/x.dbx",
    ] {
        assert!(notable(9_999_999, &[other]).is_none(), "{other}");
    }
}

fn at_risk(shop: &Shop, line: &str, changed: bool) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    shop.with_context(Grammar::V2, &words, |cx| {
        let found = layers_at_risk(cx, &|_| changed);
        found.into_iter().map(|container| container.name.clone()).collect()
    })
}

#[test]
fn only_containers_that_go_are_looked_at() {
    let shop = Shop::new();
    assert!(at_risk(&shop, "up -d", false).is_empty(), "an unchanged `up` costs nothing");
    for line in ["stop", "restart", "start", "kill"] {
        assert!(at_risk(&shop, line, true).is_empty(), "{line}");
    }
    assert_eq!(at_risk(&shop, "up -d web", true), ["shop-web-1"]);
    assert_eq!(at_risk(&shop, "up -d --force-recreate web", false), ["shop-web-1"]);
    assert_eq!(at_risk(&shop, "rm -sf web", false), ["shop-web-1"]);
    assert!(at_risk(&shop, "up -d --no-recreate", true).is_empty());
    assert!(at_risk(&Shop::new().with_bare_db(), "down", false).iter().all(|name| name != "shop-db-1"));
}

#[test]
fn what_is_lost_is_said() {
    let mut shop = Shop::new().label(2, HASH, "then");
    let layer = notable(20_480_000, &["/app/data/app.sqlite", "/app/data/b.db"]).expect("notable");
    shop.probe.layers.insert("web".into(), layer);
    let told = |plan: &Assessment| plan.impacts.iter().find_map(|impact| impact.contents.clone());
    let down = plan(&shop, "down");
    let contents = told(&down).expect("told");
    assert!(contents.contains("20 MB") && contents.contains("/app/data/app.sqlite"), "{contents}");
    assert!(contents.contains("1 other"), "{contents}");
    assert!(down.worst() < Effect::Orphan, "nobody is asked");
    // Whether the container goes depends on its configuration.
    let up = ["up", "-d", "web"];
    assert!(shop.with_context(Grammar::V2, &up, needs_hashes));
    shop.probe.hashes = Hashes::Known([("web".into(), "then".into())].into());
    assert_eq!(told(&plan(&shop, "up -d web")), None);
    shop.probe.hashes = Hashes::Known([("web".into(), "now".into())].into());
    assert!(told(&plan(&shop, "up -d web")).is_some());
    shop.probe.layers.clear();
    assert_eq!(told(&plan(&shop, "down")), None);
}
