//! The directory behind a bind mount was replaced while the container runs.

use safe_compose::engine::ReplacedMount;

use super::*;

fn shop(deleted: bool) -> Shop {
    let mut shop = Shop::new();
    let mount = Mount {
        source: MountSource::Bind { path: "/srv/data".into() },
        destination: "/qdrant/storage".into(),
        read_only: false,
        subpath: None,
    };
    shop.containers[0].mounts = vec![mount];
    let replaced = ReplacedMount { destination: "/qdrant/storage".into(), path: "/srv/data".into(), deleted };
    shop.probe.replaced_mounts.insert("db".into(), vec![replaced]);
    let bind = DeclaredSource::Bind { path: "/srv/data".into(), create_host_path: true };
    shop.declare("db", |db| db.mounts[0].source = bind.clone())
}

fn directories(plan: &Assessment, effect: Effect) -> usize {
    plan.of(effect).filter(|impact| matches!(impact.subject, Subject::Directory { .. })).count()
}

#[test]
fn whatever_stops_the_container_leaves_its_directory_behind() {
    for line in ["down", "stop", "restart", "kill", "rm -sf", "up -d --force-recreate", "stop db"] {
        assert_eq!(directories(&plan(&shop(false), line), Effect::Orphan), 1, "{line}");
        assert_eq!(directories(&plan(&shop(true), line), Effect::Destroy), 1, "{line}");
        assert_eq!(directories(&plan(&Shop::new(), line), Effect::Orphan), 0, "{line}");
    }
}

#[test]
fn whatever_leaves_the_container_running_keeps_it() {
    for line in ["rm -f", "stop web", "start", "up -d --no-recreate", "kill -s HUP", "restart web"] {
        let plan = plan(&shop(false), line);
        assert_eq!(directories(&plan, Effect::Orphan), 0, "{line}");
    }
}

#[test]
fn an_unchanged_up_leaves_it_alone() {
    let mut shop = shop(false).label(0, HASH, "h");
    shop.probe.hashes = safe_compose::guard::Hashes::Known([("db".to_owned(), "h".to_owned())].into());
    assert_eq!(directories(&plan(&shop, "up -d db"), Effect::Orphan), 0);
    shop.probe.hashes = safe_compose::guard::Hashes::Known([("db".to_owned(), "i".to_owned())].into());
    assert_eq!(directories(&plan(&shop, "up -d db"), Effect::Orphan), 1);
}

#[test]
fn the_files_of_an_unknown_program_are_reported() {
    let mut shop = shop(false);
    shop.containers[0].image = "node:22".into();
    shop.containers[0].mounts[0].destination = "/app".into();
    shop.probe.replaced_mounts.get_mut("db").expect("db")[0].destination = "/app".into();
    let shop = shop.declare("db", |db| db.image = Some("node:22".into()));
    let plan = plan(&shop, "down");
    assert_eq!(directories(&plan, Effect::Orphan), 0);
    assert!(plan.impacts.iter().any(|impact| impact.notice
        && impact.effect == Effect::Orphan
        && matches!(impact.subject, Subject::Directory { .. })));
}
