//! Stores that start away from their data: another data path, no mount, another database, a moved Compose file.

use safe_compose::engine::Image;
use safe_compose::guard::FormerPlace;
use safe_compose::inventory::known::FileContents;
use safe_compose::secret::Secret;

use super::*;

const DATA: &str = "/var/lib/postgresql/data";

/// `db` is PostgreSQL, version 17, with the volume `shop_data`.
fn postgres() -> Shop {
    let mut shop = Shop::new().declare("db", |db| {
        db.image = Some("postgres:17".into());
        db.mounts[0].target = DATA.into();
    });
    shop.containers[0] = container("db", "postgres:17", vec![named("shop_data", DATA)]);
    shop.containers[0].environment.insert("PGDATA".into(), Secret::new(DATA));
    let image = image("17", DATA, DATA);
    shop.probe.images.insert("postgres:17".into(), Some(image));
    shop
}

fn image(id: &str, volume: &str, pgdata: &str) -> Image {
    Image {
        id: id.into(),
        volumes: vec![volume.into()],
        environment: [("PGDATA".to_owned(), pgdata.to_owned())].into(),
        ..Image::default()
    }
}

/// The tag in the file is 18, whose data is elsewhere.
fn upgraded(mut shop: Shop) -> Shop {
    let image = image("18", "/var/lib/postgresql", "/var/lib/postgresql/18/docker");
    shop.probe.images.insert("postgres:18".into(), Some(image));
    shop.declare("db", |db| db.image = Some("postgres:18".into()))
}

fn empty() -> FileContents {
    FileContents::Empty
}

fn files_of(program: &'static str) -> FileContents {
    FileContents::Of([program].into())
}

fn with_contents(mut shop: Shop, volume: &str, contents: impl Into<Option<FileContents>>) -> Shop {
    shop.probe.volume_contents.extend(contents.into().map(|contents| (volume.to_owned(), contents)));
    shop
}

fn directories(plan: &Assessment) -> Vec<&str> {
    plan.of(Effect::Orphan)
        .filter_map(|impact| match &impact.subject {
            Subject::Directory { path } => Some(path.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn an_image_with_another_data_path_leaves_the_volume_behind() {
    assert!(plan(&postgres(), "up -d").worst() < Effect::Orphan);
    let shop = upgraded(postgres());
    let asked = plan(&shop, "up -d");
    assert_eq!(decided(&asked, Effect::Orphan), ["shop_data"]);
    let reason = &asked.of(Effect::Orphan).next().expect("one").reason;
    assert!(reason.contains("/var/lib/postgresql/18/docker"), "{reason}");
    for line in ["up -d --no-recreate", "up -d web", "start", "down"] {
        assert!(decided(&plan(&shop, line), Effect::Orphan).is_empty(), "{line}");
    }
    // It is known by its version before it is pulled.
    let mut unpulled = upgraded(postgres());
    unpulled.probe.images.insert("postgres:18".into(), None);
    assert_eq!(decided(&plan(&unpulled, "up -d"), Effect::Orphan), ["shop_data"]);
    // A mount above both: each version has a directory of its own.
    let mut above =
        upgraded(postgres()).declare("db", |db| db.mounts[0].target = "/var/lib/postgresql".into());
    above.containers[0].mounts = vec![named("shop_data", "/var/lib/postgresql")];
    assert_eq!(decided(&plan(&above, "up -d"), Effect::Orphan), ["shop_data"]);
}

#[test]
fn a_variable_with_another_data_path_leaves_the_volume_behind() {
    let elsewhere = |path: &'static str| {
        postgres().declare("db", move |db| {
            db.environment.insert("PGDATA".into(), Secret::new(path));
        })
    };
    assert!(plan(&elsewhere(DATA), "up -d").worst() < Effect::Orphan);
    assert_eq!(decided(&plan(&elsewhere("/pg"), "up -d"), Effect::Orphan), ["shop_data"]);
    let below = "/var/lib/postgresql/data/pgdata";
    assert_eq!(decided(&plan(&elsewhere(below), "up -d"), Effect::Orphan), ["shop_data"]);
    let both = elsewhere("/pg").declare("db", |db| db.mounts[0].target = "/pg".into());
    assert!(plan(&both, "up -d").worst() < Effect::Orphan, "the mount moves along");
}

#[test]
fn after_a_down_the_volume_at_the_old_path_tells() {
    let shop = without(upgraded(postgres()), &["db"]);
    assert_eq!(decided(&plan(&shop, "up -d"), Effect::Orphan), ["shop_data"]);
    let shop = with_contents(shop, "shop_data", empty());
    let told = plan(&shop, "up -d");
    assert!(told.worst() < Effect::Orphan, "nothing is in it");
    assert!(told.impacts.iter().any(|impact| impact.reason.contains("not in volume `shop_data`")));
    let sound = without(postgres(), &["db"]);
    assert!(plan(&sound, "up -d").impacts.is_empty());
    // The new path has a volume with data of its own.
    let mut both = without(upgraded(postgres()), &["db"]).declare("db", |db| {
        let mut mount = db.mounts[0].clone();
        mount.source = DeclaredSource::Named { key: "new".into(), subpath: None };
        mount.target = "/var/lib/postgresql".into();
        db.mounts.push(mount);
    });
    for model in [&mut both.model, &mut both.whole] {
        let new = VolumeDeclaration { name: "shop_new".into(), ..VolumeDeclaration::default() };
        model.volumes.insert("new".into(), new);
    }
    assert_eq!(decided(&plan(&both, "up -d"), Effect::Orphan), ["shop_data"]);
    both.volumes.push(volume("shop_new", Some("new")));
    assert!(plan(&both, "up -d").worst() < Effect::Orphan);
}

#[test]
fn a_store_without_a_mount_leaves_a_volume_with_its_data_behind() {
    let bare = |contents| {
        let mut shop = without(postgres(), &["db"]).declare("db", |db| db.mounts.clear());
        shop.volumes.retain(|volume| volume.name == "shop_data");
        for model in [&mut shop.model, &mut shop.whole] {
            model.volumes.clear();
        }
        with_contents(shop, "shop_data", contents)
    };
    assert_eq!(decided(&plan(&bare(Some(files_of("postgres"))), "up -d"), Effect::Orphan), ["shop_data"]);
    for (contents, told) in [(None, 1), (Some(empty()), 0), (Some(files_of("mysql")), 0)] {
        let plan = plan(&bare(contents.clone()), "up -d");
        assert!(plan.worst() < Effect::Orphan, "{contents:?}");
        assert_eq!(volumes(&plan, Effect::Orphan).len(), told, "{contents:?}");
    }
    let mut seen = bare(None);
    seen.probe.terminal = true;
    assert_eq!(decided(&plan(&seen, "up -d"), Effect::Orphan), ["shop_data"], "somebody can tell");
    let mut beside = bare(Some(files_of("postgres"))).declare("db", |db| {
        let dumps = DeclaredSource::Named { key: "dumps".into(), subpath: None };
        db.mounts = vec![MountDeclaration { source: dumps, target: "/dumps".into(), read_only: false }];
    });
    for model in [&mut beside.model, &mut beside.whole] {
        let dumps = VolumeDeclaration { name: "shop_dumps".into(), ..VolumeDeclaration::default() };
        model.volumes.insert("dumps".into(), dumps);
    }
    beside.volumes.push(volume("shop_dumps", Some("dumps")));
    assert_eq!(decided(&plan(&beside, "up -d"), Effect::Orphan), ["shop_data"], "another volume is mounted");
    // A directory that has data is where the data was moved to.
    let bind = DeclaredSource::Bind { path: "/srv/pg".into(), create_host_path: true };
    let bound = |contents: FileContents| {
        let mut shop = bare(Some(files_of("postgres")));
        shop.probe.directory_contents.insert("/srv/pg".into(), contents);
        let mount = MountDeclaration { source: bind.clone(), target: DATA.into(), read_only: false };
        shop.declare("db", |db| db.mounts = vec![mount.clone()])
    };
    assert_eq!(decided(&plan(&bound(FileContents::Empty), "up -d"), Effect::Orphan), ["shop_data"]);
    let there = bound(FileContents::Of(["postgres"].into()));
    assert!(plan(&there, "up -d").worst() < Effect::Orphan);
}

#[test]
fn a_file_or_a_backup_tells_where_the_data_was() {
    let mut shop = without(postgres(), &["db"]).declare("db", |db| db.mounts.clear());
    shop.volumes.clear();
    assert!(plan(&shop, "up -d").impacts.is_empty());
    let place = FormerPlace {
        subject: Subject::Directory { path: "/srv/pg".into() },
        evidence: "`docker-compose.override.yml`, which this command does not read, mounts".into(),
    };
    shop.probe.former_places.insert("db".into(), vec![place]);
    let asked = plan(&shop, "up -d");
    assert_eq!(directories(&asked), ["/srv/pg"]);
    assert!(asked.impacts[0].reason.contains("docker-compose.override.yml"), "{asked:?}");
    assert!(plan(&shop, "up -d web").impacts.is_empty());
    let bind = DeclaredSource::Bind { path: "/srv/pg".into(), create_host_path: true };
    let mount = MountDeclaration { source: bind, target: DATA.into(), read_only: false };
    shop = shop.declare("db", |db| db.mounts = vec![mount.clone()]);
    shop.probe.directory_contents.insert("/srv/pg".into(), FileContents::Empty);
    assert!(plan(&shop, "up -d").impacts.is_empty(), "the file mounts it");
}

#[test]
fn another_database_is_reported_where_the_old_one_keeps_the_data() {
    let switched = || {
        let mut shop = postgres();
        let mut mysql = service("mysql", "mysql:8", "new", "/var/lib/mysql");
        mysql.profiles = vec!["mysql".into()];
        for model in [&mut shop.model, &mut shop.whole] {
            let new = VolumeDeclaration { name: "shop_new".into(), ..VolumeDeclaration::default() };
            model.volumes.insert("new".into(), new);
            model.services.insert("mysql".into(), mysql.clone());
        }
        shop.model.services.remove("db");
        shop.whole.services.get_mut("db").expect("db").profiles = vec!["postgresql".into()];
        shop
    };
    let told = |shop: &Shop, line: &str| {
        let plan = plan(shop, line);
        assert!(plan.worst() < Effect::Orphan, "{plan:?}");
        let is_told = |impact: &Impact| impact.notice && impact.reason.contains("`mysql` starts empty");
        plan.impacts.iter().any(|impact| is_told(impact) && impact.effect == Effect::Orphan)
    };
    assert!(told(&switched(), "up -d"));
    assert!(told(&without(switched(), &["db"]), "up -d"), "its volume is still there");
    assert!(!told(&with_contents(without(switched(), &["db"]), "shop_data", empty()), "up -d"));
    let mut always = switched();
    always.model.services.get_mut("mysql").expect("mysql").profiles.clear();
    always.whole.services.get_mut("mysql").expect("mysql").profiles.clear();
    assert!(!told(&always, "up -d"), "it does not take the place of the other");
    for line in ["up -d mysql", "start", "down"] {
        assert!(!told(&switched(), line), "{line}");
    }
    let mut again = switched();
    again.volumes.push(volume("shop_new", Some("new")));
    assert!(!told(&again, "up -d"), "it has data of its own");
    // Two stacks in one directory have nothing to do with each other.
    let mut stacks = switched();
    stacks.whole.services.remove("db");
    assert!(told(&stacks, "up -d"));
    stacks.probe.declared_elsewhere.insert("db".into());
    assert!(!told(&stacks, "up -d"));
    stacks.probe.sharing_files.insert("db".into());
    assert!(told(&stacks, "up -d"), "another file of the same stack");
}

/// The stack of a Compose file that was in another directory.
fn moved() -> Shop {
    let mut shop = postgres();
    let mut old = shop.containers.remove(0);
    shop.containers.clear();
    shop.volumes.clear();
    old.labels.insert("com.docker.compose.project".into(), "app".into());
    let bind = Mount {
        source: MountSource::Bind { path: "/srv/app/pg".into() },
        destination: DATA.into(),
        read_only: false,
        subpath: None,
    };
    old.mounts = vec![bind];
    shop.probe.related_containers = vec![old];
    shop.probe.moved_files.insert("app".into(), "/srv/app/docker-compose.yml".into());
    shop.probe.directory_contents.insert("/srv/app/pg".into(), FileContents::Of(["postgres"].into()));
    shop
}

#[test]
fn a_moved_file_leaves_its_relative_directories_behind() {
    let asked = plan(&moved(), "up -d");
    assert_eq!(directories(&asked), ["/srv/app/pg"]);
    let reason = &asked.of(Effect::Orphan).next().expect("one").reason;
    assert!(reason.contains("/srv/app/docker-compose.yml"), "{reason}");
    let mut same = moved();
    same.probe.moved_files.clear();
    assert!(directories(&plan(&same, "up -d")).is_empty(), "another name, the same directory");
    let mut gone = moved();
    gone.probe.directory_contents.clear();
    assert!(directories(&plan(&gone, "up -d")).is_empty());
    let bind = DeclaredSource::Bind { path: "/srv/app/pg".into(), create_host_path: true };
    let kept = moved().declare("db", |db| db.mounts[0].source = bind.clone());
    assert!(directories(&plan(&kept, "up -d")).is_empty(), "an absolute path stays");
}

/// `docker compose create` has made the container of the newer image behind our back.
fn created(mut shop: Shop) -> Shop {
    let mounts = vec![named("shop_data", DATA), mount("0ea1", "/var/lib/postgresql", true, false)];
    let mut db = container("db", "postgres:18", mounts);
    db.environment.insert("PGDATA".into(), Secret::new("/var/lib/postgresql/18/docker"));
    db.state = ContainerState::Created;
    db.started = None;
    shop.containers[0] = db;
    shop.volumes.push(volume("0ea1", None));
    with_contents(shop, "shop_data", files_of("postgres"))
}

#[test]
fn a_start_of_a_created_container_that_looks_elsewhere_leaves_the_volume_behind() {
    let shop = created(upgraded(postgres()));
    for line in ["start", "start db", "restart db"] {
        let asked = plan(&shop, line);
        assert_eq!(decided(&asked, Effect::Orphan), ["shop_data"], "{line}");
        let reason = &asked.of(Effect::Orphan).next().expect("one").reason;
        assert!(reason.contains("/var/lib/postgresql/18/docker"), "{reason}");
        assert!(reason.contains("which its container has at"), "{reason}");
    }
    for line in ["start web", "stop", "--profile extra start cache"] {
        assert!(decided(&plan(&shop, line), Effect::Orphan).is_empty(), "{line}");
    }
    let vacant = with_contents(created(upgraded(postgres())), "shop_data", empty());
    assert!(plan(&vacant, "start").worst() < Effect::Orphan, "nothing is in it");
    // What it had when it ran before, it has again.
    let mut again = created(upgraded(postgres()));
    again.containers[0].started = Some("2026-01-01T00:00:00Z".into());
    assert!(plan(&again, "start").worst() < Effect::Orphan);
    let mut sound = postgres();
    sound.containers[0].state = ContainerState::Created;
    sound.containers[0].started = None;
    assert!(plan(&sound, "start").worst() < Effect::Orphan);
}

#[test]
fn a_start_of_a_created_container_without_its_mount_is_told_by_a_backup() {
    let mut shop = created(postgres());
    shop.containers[0].mounts.remove(0);
    let place = FormerPlace {
        subject: Subject::Directory { path: "/srv/pg".into() },
        evidence: "backup `db_backup_20260801_100000` was made of".into(),
    };
    shop.probe.former_places.insert("db".into(), vec![place]);
    assert_eq!(directories(&plan(&shop, "start db")), ["/srv/pg"]);
    assert!(directories(&plan(&shop, "start web")).is_empty());
    shop.containers[0].state = ContainerState::Running;
    assert!(directories(&plan(&shop, "start db")).is_empty(), "it runs");
}

#[test]
fn a_run_of_the_service_itself_is_checked_as_its_first_start() {
    let shop = without(upgraded(postgres()), &["db"]);
    for line in ["run -d db", "run --rm db", "create db", "create"] {
        assert_eq!(decided(&plan(&shop, line), Effect::Orphan), ["shop_data"], "{line}");
    }
    for line in
        ["run --rm db psql -h other", "run --rm --entrypoint sh db", "run --rm --no-deps web", "run web ls"]
    {
        assert!(decided(&plan(&shop, line), Effect::Orphan).is_empty(), "{line}");
    }
    let dependent = shop.declare("web", |web| web.depends_on = vec!["db".into()]);
    assert_eq!(decided(&plan(&dependent, "run web ls"), Effect::Orphan), ["shop_data"]);
    // Beside a container of the service, another one changes nothing for that.
    assert!(decided(&plan(&upgraded(postgres()), "run -d db"), Effect::Orphan).is_empty());
}

#[test]
fn a_start_of_another_database_that_was_created_is_reported() {
    let mut shop = postgres();
    let mut mysql = service("mysql", "mysql:8", "new", "/var/lib/mysql");
    mysql.profiles = vec!["mysql".into()];
    for model in [&mut shop.model, &mut shop.whole] {
        let new = VolumeDeclaration { name: "shop_new".into(), ..VolumeDeclaration::default() };
        model.volumes.insert("new".into(), new);
        model.services.insert("mysql".into(), mysql.clone());
    }
    shop.model.services.remove("db");
    shop.whole.services.get_mut("db").expect("db").profiles = vec!["postgresql".into()];
    let mut created = container("mysql", "mysql:8", vec![named("shop_new", "/var/lib/mysql")]);
    created.state = ContainerState::Created;
    created.started = None;
    shop.containers.push(created);
    shop.volumes.push(volume("shop_new", Some("new")));
    let shop = with_contents(shop, "shop_new", empty());
    let told = |line: &str| {
        plan(&shop, line).impacts.iter().any(|impact| impact.reason.contains("`mysql` starts empty"))
    };
    assert!(told("start"));
    assert!(!told("start mysql"), "whoever names it leaves the other alone on purpose");
}
