//! Data that stays on disk where nobody looks for it.

use safe_compose::engine::WORKING_DIR_LABEL;
use safe_compose::guard::Hashes;

use super::*;

fn declared(source: DeclaredSource, target: &str) -> Vec<MountDeclaration> {
    vec![MountDeclaration { source, target: target.into(), read_only: false }]
}

fn key(key: &str) -> DeclaredSource {
    DeclaredSource::Named { key: key.into(), subpath: None }
}

fn with_mounts(mounts: &[MountDeclaration]) -> Shop {
    let mut shop = Shop::new().declare("db", |db| db.mounts = mounts.to_vec());
    for model in [&mut shop.model, &mut shop.whole] {
        let fresh = VolumeDeclaration { name: "shop_fresh".into(), ..VolumeDeclaration::default() };
        model.volumes.insert("fresh".into(), fresh);
    }
    shop
}

const DATA: &str = "/qdrant/storage";

#[test]
fn another_place_for_the_same_path_leaves_the_old_one_behind() {
    let bind = DeclaredSource::Bind { path: "/pg".into(), create_host_path: true };
    for (mounts, why) in [
        (declared(key("fresh"), DATA), "another key"),
        (declared(bind, DATA), "named to bind"),
        (declared(key("data"), "/data2"), "another target"),
        (Vec::new(), "no mount at all"),
        (declared(DeclaredSource::Tmpfs, DATA), "named to tmpfs"),
        (
            declared(DeclaredSource::Named { key: "data".into(), subpath: Some("sub".into()) }, DATA),
            "another directory in it",
        ),
    ] {
        let shop = with_mounts(&mounts);
        assert_eq!(decided(&plan(&shop, "up -d"), Effect::Orphan), ["shop_data"], "{why}");
        assert!(decided(&plan(&shop, "up -d --no-recreate"), Effect::Orphan).is_empty(), "{why}");
        assert!(decided(&plan(&shop, "up -d web"), Effect::Orphan).is_empty(), "{why}");
        assert!(decided(&plan(&shop, "start"), Effect::Orphan).is_empty(), "{why}");
    }
}

#[test]
fn the_same_place_in_other_words_is_the_same() {
    for mounts in [declared(key("data"), DATA), declared(DeclaredSource::Anonymous, DATA)] {
        assert!(decided(&plan(&with_mounts(&mounts), "up -d"), Effect::Orphan).is_empty(), "{mounts:?}");
    }
}

#[test]
fn another_volume_behind_the_same_words_is_found_although_the_hash_stays() {
    // The hash of a service has the key of its volume and not its real name; 2.40.3 makes the container anew all the
    // same (measured).
    let mut shop = with_mounts(&declared(key("fresh"), DATA)).label(0, HASH, "h");
    shop.probe.hashes = Hashes::Known([("db".into(), "h".into()), ("web".into(), "h".into())].into());
    assert_eq!(decided(&plan(&shop, "up -d"), Effect::Orphan), ["shop_data"]);
}

#[test]
fn a_bound_directory_is_asked_about_only_where_data_is_known_to_be() {
    let bound = |path: &str, target: &str| Mount {
        source: MountSource::Bind { path: path.into() },
        destination: target.into(),
        read_only: false,
        subpath: None,
    };
    let bind = |path: &str| DeclaredSource::Bind { path: path.into(), create_host_path: true };
    let mut shop = with_mounts(&declared(bind("/srv/x"), DATA));
    shop.containers[0].mounts = vec![bound("/srv/data", DATA)];
    let judged = plan(&shop, "up -d");
    assert!(
        judged
            .of(Effect::Orphan)
            .any(|impact| impact.subject == Subject::Directory { path: "/srv/data".into() })
    );
    let mut shop =
        Shop::new().declare("web", |web| web.mounts = declared(bind("/srv/b.conf"), "/etc/app.conf"));
    shop.containers[2].mounts = vec![bound("/srv/a.conf", "/etc/app.conf")];
    assert!(plan(&shop, "up -d").worst() < Effect::Orphan);
    // A virtual machine sees the same directory below its own.
    let mut shop = with_mounts(&declared(bind("/srv/data"), DATA));
    shop.containers[0].mounts = vec![bound("/host_mnt/srv/data", DATA)];
    assert!(plan(&shop, "up -d").worst() < Effect::Orphan);
}

#[test]
fn without_a_container_a_left_over_volume_tells() {
    let mut shop = without(with_mounts(&declared(key("fresh"), DATA)), &["db"]);
    for model in [&mut shop.model, &mut shop.whole] {
        model.volumes.remove("data");
    }
    assert_eq!(decided(&plan(&shop, "up -d"), Effect::Orphan), ["shop_data"]);
    shop.volumes.push(volume("shop_fresh", Some("fresh")));
    assert!(decided(&plan(&shop, "up -d"), Effect::Orphan).is_empty(), "it is there already");
}

#[test]
fn without_a_container_a_volume_that_nothing_mounts_is_told() {
    let bind = DeclaredSource::Bind { path: "/srv/data".into(), create_host_path: true };
    for mounts in [declared(bind, DATA), Vec::new(), declared(DeclaredSource::Anonymous, DATA)] {
        let shop = without(with_mounts(&mounts), &["db"]);
        let told = plan(&shop, "up -d");
        assert_eq!(volumes(&told, Effect::Orphan), ["shop_data"], "{mounts:?}");
        assert_eq!(told.worst(), Effect::None, "it may be meant: {mounts:?}");
        assert!(plan(&shop, "up -d web").impacts.is_empty(), "{mounts:?}");
    }
    // Declared still, and mounted by nobody.
    let shop = without(with_mounts(&declared(key("fresh"), DATA)), &["db"]);
    assert_eq!(volumes(&plan(&shop, "up -d"), Effect::Orphan), ["shop_data"]);
}

#[test]
fn a_named_volume_under_an_anonymous_one_is_left_behind_when_its_container_goes() {
    let shop = with_mounts(&declared(DeclaredSource::Anonymous, DATA));
    for line in ["down", "rm -fs", "rm -fsv", "up -d -V", "up -d --scale db=0", "wait --down-project web"] {
        assert_eq!(decided(&plan(&shop, line), Effect::Orphan), ["shop_data"], "{line}");
    }
    for line in ["up -d", "up -d --force-recreate", "stop", "restart"] {
        assert!(decided(&plan(&shop, line), Effect::Orphan).is_empty(), "{line}");
    }
    for line in ["down", "rm -fs"] {
        assert!(decided(&plan(&Shop::new(), line), Effect::Orphan).is_empty(), "{line}");
    }
}

#[test]
fn a_lost_directory_is_asked_about_only_where_somebody_can_tell() {
    let lost = |directory: &str| {
        let mut shop = from_here("before");
        shop.probe.related_containers[0].labels.insert(WORKING_DIR_LABEL.into(), directory.into());
        shop.probe.missing_directories.insert(directory.into());
        shop.probe.terminal = true;
        shop
    };
    let shop = lost("/srv/before");
    let asked = plan(&shop, "up -d");
    assert_eq!(decided(&asked, Effect::Orphan), ["before_data"]);
    assert!(asked.impacts.iter().any(|impact| impact.reason.contains("/srv/before")), "{asked:?}");
    assert!(plan(&shop, "up -d web").impacts.is_empty());
    let told = |shop: &Shop| {
        let told = plan(shop, "up -d");
        assert_eq!(volumes(&told, Effect::Orphan), ["before_data"]);
        assert_eq!(told.worst(), Effect::None, "{told:?}");
    };
    let mut nobody = lost("/srv/before");
    nobody.probe.terminal = false;
    told(&nobody);
    // Its volumes are as uncertain as its containers.
    nobody.probe.related_containers[0].mounts.clear();
    nobody.volumes.retain(|volume| volume.name != "shop_data");
    let mut left = volume("before_data", Some("data"));
    left.labels.insert("com.docker.compose.project".into(), "before".into());
    nobody.probe.related_volumes.push(left);
    told(&nobody);
    let mut several = lost("/srv/before");
    several.probe.missing_directories.insert("/srv/another".into());
    told(&several);
}

#[test]
fn a_renamed_service_starts_without_the_data_of_its_old_container() {
    let mut shop = Shop::new().with_bare_db();
    for model in [&mut shop.model, &mut shop.whole] {
        let mut renamed = model.services.remove("db").expect("db");
        renamed.name = "database".into();
        model.services.insert("database".into(), renamed);
    }
    assert_eq!(layers(&plan(&shop, "up -d"), Effect::Orphan), ["shop-db-1"]);
    assert_eq!(layers(&plan(&shop, "up -d --remove-orphans"), Effect::Destroy), ["shop-db-1"]);
    assert!(layers(&plan(&shop, "up -d web"), Effect::Orphan).is_empty());
    // Two files in one directory are one project: the other file still has the service.
    shop.probe.declared_elsewhere.insert("db".into());
    assert!(layers(&plan(&shop, "up -d"), Effect::Orphan).is_empty());
    // With its volume it takes the data along.
    let mut shop = Shop::new();
    for model in [&mut shop.model, &mut shop.whole] {
        let mut renamed = model.services.remove("db").expect("db");
        renamed.name = "database".into();
        model.services.insert("database".into(), renamed);
    }
    assert!(plan(&shop, "up -d").worst() < Effect::Orphan);
}

fn from_here(project: &str) -> Shop {
    let mut shop = Shop::new();
    let mut old = shop.containers.remove(0);
    shop.containers.clear();
    shop.volumes.clear();
    old.labels.insert("com.docker.compose.project".into(), project.into());
    old.mounts = vec![named("before_data", DATA)];
    shop.probe.related_containers = vec![old];
    shop
}

#[test]
fn another_project_name_for_the_same_directory_hides_everything() {
    assert_eq!(decided(&plan(&from_here("before"), "up -d"), Effect::Orphan), ["before_data"]);
    let mut by_hand = from_here("before");
    by_hand.probe.explicit_name = true;
    let told = plan(&by_hand, "up -d");
    assert_eq!(volumes(&told, Effect::Orphan), ["before_data"]);
    assert_eq!(told.worst(), Effect::None, "a name given by hand is meant");
    assert!(plan(&from_here("before"), "up -d web").impacts.is_empty());
    // With `name:` both projects have the same volume.
    let mut shared = from_here("before");
    shared.volumes.push(volume("before_data", Some("data")));
    for model in [&mut shared.model, &mut shared.whole] {
        model.volumes.get_mut("data").expect("data").name = "before_data".into();
    }
    assert!(volumes(&plan(&shared, "up -d"), Effect::Orphan).is_empty());
}

#[test]
fn volumes_alone_tell_of_another_name_too() {
    let mut shop = from_here("before");
    shop.probe.related_containers.clear();
    let mut theirs = volume("before_data", Some("data"));
    theirs.labels.insert("com.docker.compose.project".into(), "before".into());
    shop.probe.related_volumes = vec![theirs];
    assert_eq!(decided(&plan(&shop, "up -d"), Effect::Orphan), ["before_data"]);
    shop.volumes.push(volume("shop_data", Some("data")));
    assert!(plan(&shop, "up -d").impacts.is_empty(), "it has data of its own");
}

#[test]
fn two_directories_with_one_name_are_told() {
    let mut shop = Shop::new().label(0, "com.docker.compose.project.working_dir", "/home/alice/app");
    assert!(plan(&shop, "up -d").impacts.is_empty());
    shop.probe.other_directory = Some("/home/alice/app".into());
    for line in ["up -d", "down", "down -v", "restart"] {
        let plan = plan(&shop, line);
        let said = plan.impacts.iter().any(|impact| impact.reason.contains("/home/alice/app"));
        assert!(said || line != "up -d", "{line}: {plan:?}");
    }
}

#[test]
fn a_variable_that_is_not_set_is_told() {
    let bind = DeclaredSource::Bind { path: "/pg".into(), create_host_path: true };
    let mut shop = without(with_mounts(&declared(bind, DATA)), &["db"]);
    shop.volumes.retain(|volume| volume.name != "shop_data");
    assert!(plan(&shop, "up -d").impacts.is_empty());
    shop.probe.unset_variables = vec!["DATA_DIR".into()];
    let plan = plan(&shop, "up -d");
    assert_eq!(plan.worst(), Effect::None);
    assert!(plan.impacts[0].reason.contains("DATA_DIR") && plan.impacts[0].reason.contains("/pg"));
}
