//! `cp` and `watch`.

use safe_compose::compose::model::{WatchAction, WatchRule};

use super::*;

#[test]
fn copying_into_data_is_asked_about() {
    let shop = Shop::new();
    for line in
        ["cp x db:/qdrant/storage", "cp x db:/qdrant/storage/collections", "cp - db:qdrant/storage/a/../b"]
    {
        assert_eq!(decided(&plan(&shop, line), Effect::Destroy), ["shop_data"], "{line}");
    }
    for line in [
        "cp x db:/etc/x",
        "cp db:/qdrant/storage x",
        "cp x ./db:/qdrant/storage",
        "cp x nosuch:/qdrant/storage",
    ] {
        assert!(plan(&shop, line).impacts.is_empty(), "{line}");
    }
}

#[test]
fn a_directory_copied_above_reaches_into_data() {
    let mut shop = Shop::new();
    assert!(plan(&shop, "cp x db:/qdrant").impacts.is_empty(), "a single file");
    shop.probe.copies_directory = true;
    assert_eq!(decided(&plan(&shop, "cp x db:/qdrant"), Effect::Destroy), ["shop_data"]);
    assert!(plan(&shop, "cp x db:/etc").impacts.is_empty());
}

#[test]
fn where_a_link_leads_is_what_counts() {
    let mut shop = Shop::new();
    assert!(plan(&shop, "cp x db:/short").impacts.is_empty());
    shop.probe.copy_targets = [("db".into(), PathBuf::from("/qdrant/storage/x"))].into();
    assert_eq!(decided(&plan(&shop, "cp x db:/short"), Effect::Destroy), ["shop_data"]);
    shop.probe.copy_targets = [("db".into(), PathBuf::from("/tmp/x"))].into();
    assert!(plan(&shop, "cp x db:/qdrant/storage/link").impacts.is_empty());
}

#[test]
fn copying_into_a_volume_of_a_program_that_we_do_not_know_is_told() {
    let plan = plan(&Shop::new(), "cp x web:/app/node_modules/x");
    assert_eq!(plan.worst(), Effect::None);
    assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS]);
}

fn watching(action: WatchAction, target: Option<&str>) -> Shop {
    Shop::new().declare("db", |db| {
        db.watch = vec![WatchRule { path: "/src".into(), action, target: target.map(Into::into) }];
    })
}

#[test]
fn syncing_into_data_is_asked_about() {
    for line in ["watch", "watch db", "up --watch", "watch --no-up"] {
        let into_data = watching(WatchAction::Sync, Some("/qdrant/storage/static"));
        assert_eq!(decided(&plan(&into_data, line), Effect::Destroy), ["shop_data"], "{line}");
        let beside = watching(WatchAction::Sync, Some("/qdrant/static"));
        assert!(decided(&plan(&beside, line), Effect::Destroy).is_empty(), "{line}");
    }
    for line in ["up -d", "watch web"] {
        let into_data = watching(WatchAction::Sync, Some("/qdrant/storage/static"));
        assert!(decided(&plan(&into_data, line), Effect::Destroy).is_empty(), "{line}");
    }
}

#[test]
fn rebuilding_drops_the_layer() {
    let bare = watching(WatchAction::Rebuild, None).with_bare_db();
    assert_eq!(layers(&plan(&bare, "watch --no-up"), Effect::Destroy), ["shop-db-1"]);
    assert!(layers(&plan(&bare, "watch --no-up web"), Effect::Destroy).is_empty());
    let mounted = watching(WatchAction::Rebuild, None);
    assert_eq!(plan(&mounted, "watch --no-up").worst(), Effect::None, "its volume is carried over");
}
