//! The guard's predictions, on projects made up in memory.

mod away;
mod harmless;
mod interrupted;
mod layers;
mod moved;
mod overwritten;
mod recreated;
mod removed;
mod replaced;
mod suggested;
mod tokens;
mod unknown;
mod volumes;

use std::collections::BTreeMap;
use std::path::PathBuf;

use safe_compose::compose::grammar::Grammar;
use safe_compose::compose::invocation::Invocation;
use safe_compose::compose::model::{DeclaredSource, Model, MountDeclaration, Service, VolumeDeclaration};
use safe_compose::engine::{
    Container, ContainerState, Identity, InRegistry, Mount, MountSource, Volume, VolumeIdentity,
};
use safe_compose::guard::{HazardContext, Probe, assess};
use safe_compose::inventory::Inventory;
use safe_compose::policy::{Assessment, Effect, Impact, Subject};
use safe_compose::settings::Settings;

/// `db` keeps `shop_data`, `cache` (profile `extra`) keeps `shop_cache`, `web` has an anonymous volume and is no store.
struct Shop {
    model: Model,
    whole: Model,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
    settings: Settings,
    engine: Identity,
    label_mode: bool,
    probe: Probe,
}

fn identity() -> Identity {
    Identity {
        id: "E".into(),
        name: "host".into(),
        version: "20.10.24".into(),
        endpoint: "unix:///var/run/docker.sock".into(),
        local: true,
        root: PathBuf::from("/var/lib/docker"),
        containerd_images: false,
    }
}

fn named(name: &str, target: &str) -> Mount {
    mount(name, target, false, true)
}

fn mount(name: &str, target: &str, anonymous: bool, inherited: bool) -> Mount {
    Mount {
        source: MountSource::Volume { name: name.into(), driver: "local".into(), anonymous, inherited },
        destination: target.into(),
        read_only: false,
        subpath: None,
    }
}

fn container(service: &str, image: &str, mounts: Vec<Mount>) -> Container {
    let labels = [
        ("com.docker.compose.project", "shop"),
        ("com.docker.compose.service", service),
        ("com.docker.compose.container-number", "1"),
    ];
    Container {
        id: service.into(),
        name: format!("shop-{service}-1"),
        state: ContainerState::Running,
        image: image.into(),
        image_id: "sha256:0".into(),
        environment: BTreeMap::new(),
        user: String::new(),
        labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        mounts,
        ports: Vec::new(),
        addresses: BTreeMap::new(),
        network_mode: "shop_default".into(),
        created: "2026-01-01T00:00:00Z".into(),
        started: Some("2026-01-01T00:00:00Z".into()),
        finished: None,
        health: None,
        exit_code: 0,
        command: Vec::new(),
    }
}

fn volume(name: &str, key: Option<&str>) -> Volume {
    let mut labels = BTreeMap::new();
    if let Some(key) = key {
        labels.insert("com.docker.compose.project".to_owned(), "shop".to_owned());
        labels.insert("com.docker.compose.volume".to_owned(), key.to_owned());
    }
    Volume {
        name: name.into(),
        driver: "local".into(),
        options: BTreeMap::new(),
        labels,
        created: Some("2026-01-01T00:00:00Z".into()),
        mountpoint: PathBuf::from("/var/lib/docker/volumes").join(name),
        identity: Some(VolumeIdentity::created_at("2026-01-01T00:00:00Z")),
    }
}

fn service(name: &str, image: &str, key: &str, target: &str) -> Service {
    Service {
        name: name.into(),
        image: Some(image.into()),
        mounts: vec![MountDeclaration {
            source: DeclaredSource::Named { key: key.into(), subpath: None },
            target: target.into(),
            read_only: false,
        }],
        replicas: 1,
        ..Service::default()
    }
}

impl Shop {
    fn new() -> Self {
        let db = service("db", "qdrant/qdrant:v1.19.0", "data", "/qdrant/storage");
        let cache = service("cache", "qdrant/qdrant:v1.19.0", "cache", "/qdrant/storage");
        let web =
            Service { name: "web".into(), image: Some("node:22".into()), replicas: 1, ..Service::default() };
        let declare = |name: &str, external: bool| VolumeDeclaration {
            name: name.into(),
            external,
            ..VolumeDeclaration::default()
        };
        let model = |services: Vec<Service>, volumes: Vec<(&str, VolumeDeclaration)>| Model {
            name: Some("shop".into()),
            services: services.into_iter().map(|service| (service.name.clone(), service)).collect(),
            volumes: volumes.into_iter().map(|(key, volume)| (key.to_owned(), volume)).collect(),
            settings: None,
        };
        let outside = ("outside", declare("outside", true));
        Self {
            model: model(
                vec![db.clone(), web.clone()],
                vec![("data", declare("shop_data", false)), outside.clone()],
            ),
            whole: model(
                vec![db, web, cache],
                vec![("data", declare("shop_data", false)), ("cache", declare("shop_cache", false)), outside],
            ),
            containers: vec![
                container("db", "qdrant/qdrant:v1.19.0", vec![named("shop_data", "/qdrant/storage")]),
                container("cache", "qdrant/qdrant:v1.19.0", vec![named("shop_cache", "/qdrant/storage")]),
                container("web", "node:22", vec![mount(ANONYMOUS, "/app/node_modules", true, false)]),
            ],
            volumes: vec![
                volume("shop_data", Some("data")),
                volume("shop_cache", Some("cache")),
                volume("outside", Some("outside")),
                volume(ANONYMOUS, None),
            ],
            settings: Settings::default(),
            engine: identity(),
            label_mode: false,
            probe: Probe::default(),
        }
    }

    fn assess(&self, grammar: Grammar, words: &[&str]) -> Assessment {
        self.with_context(grammar, words, assess)
    }

    fn with_context<T>(
        &self,
        grammar: Grammar,
        words: &[&str],
        question: impl FnOnce(&HazardContext<'_>) -> T,
    ) -> T {
        let invocation = Invocation::parse(words.iter().map(Into::into).collect()).expect("words");
        let reading = invocation.read(grammar);
        let inventory =
            Inventory::take(self.engine.clone(), "shop", Some(&self.whole), &self.containers, &self.settings);
        question(&HazardContext {
            grammar,
            reading: &reading,
            label_mode: self.label_mode,
            model: (!self.label_mode).then_some(&self.model),
            whole_model: (!self.label_mode).then_some(&self.whole),
            inventory: &inventory,
            containers: &self.containers,
            volumes: &self.volumes,
            protected: std::collections::BTreeSet::new(),
            settings: &self.settings,
            disposable: false,
            probe: &self.probe,
        })
    }
}

/// The plan of a V2 line.
fn plan(shop: &Shop, line: &str) -> Assessment {
    let words: Vec<&str> = line.split_whitespace().collect();
    shop.assess(Grammar::V2, &words)
}

/// Containers whose layer suffers an effect that has to be decided on.
fn layers(plan: &Assessment, effect: Effect) -> Vec<&str> {
    plan.of(effect)
        .filter_map(|impact| match &impact.subject {
            Subject::Layer { container, .. } => Some(container.as_str()),
            _ => None,
        })
        .collect()
}

/// The volumes that suffer an effect that has to be decided on.
fn decided(plan: &Assessment, effect: Effect) -> Vec<&str> {
    plan.of(effect)
        .filter_map(|impact| match &impact.subject {
            Subject::Volume { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect()
}

impl Shop {
    /// `db` keeps its data in its container.
    fn with_bare_db(mut self) -> Self {
        self.containers[0].mounts.clear();
        for model in [&mut self.model, &mut self.whole] {
            model.services.get_mut("db").expect("db").mounts.clear();
        }
        self
    }

    /// Changes a service in the file, under every profile.
    fn declare(mut self, name: &str, change: impl Fn(&mut Service)) -> Self {
        for model in [&mut self.model, &mut self.whole] {
            if let Some(service) = model.services.get_mut(name) {
                change(service);
            }
        }
        self
    }

    fn label(mut self, at: usize, key: &str, value: &str) -> Self {
        self.containers[at].labels.insert(key.to_owned(), value.to_owned());
        self
    }
}

const HASH: &str = "com.docker.compose.config-hash";

const ANONYMOUS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The volumes that suffer one effect.
fn volumes(plan: &Assessment, effect: Effect) -> Vec<&str> {
    let mut names: Vec<&str> = plan
        .impacts
        .iter()
        .filter(|impact| impact.effect == effect)
        .filter_map(|impact| match &impact.subject {
            Subject::Volume { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn every_spelling_of_down_with_volumes_destroys_the_volumes() {
    let shop = Shop::new();
    for words in [
        &["down", "-v"][..],
        &["down", "--volumes"],
        &["down", "--volume"],
        &["down", "-vt", "0"],
        &["down", "-vt0"],
        &["down", "-t", "0", "-v"],
        &["down", "--volumes=true"],
        &["down", "--volumes=T"],
        &["down", "-v=true"],
        &["down", "--volumes=false", "-v"],
        &["-p", "shop", "-f", "x.yml", "down", "-v"],
    ] {
        let plan = shop.assess(Grammar::V2, words);
        assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS, "shop_data"], "{words:?}");
        assert_eq!(plan.worst(), Effect::Destroy, "{words:?}");
    }
}

#[test]
fn what_only_looks_like_it_destroys_nothing() {
    let shop = Shop::new();
    for words in [
        &["down"][..],
        &["down", "--volumes=false"],
        &["down", "-v=false"],
        &["down", "-v", "--volumes=false"],
        &["stop"],
        &["rm", "-f"],
        &["restart"],
    ] {
        let plan = shop.assess(Grammar::V2, words);
        assert!(volumes(&plan, Effect::Destroy).is_empty(), "{words:?}");
        assert_eq!(plan.worst(), Effect::Interrupt.min(plan.worst()), "{words:?}");
    }
}

#[test]
fn v1_takes_prefixes_and_inactive_profiles() {
    let shop = Shop::new();
    for words in [&["down", "-v"][..], &["down", "--vol"], &["down", "--volume"]] {
        let plan = shop.assess(Grammar::V1, words);
        assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS, "shop_cache", "shop_data"], "{words:?}");
    }
}

#[test]
fn without_a_file_every_labelled_volume_goes_external_or_not() {
    let shop = Shop { label_mode: true, ..Shop::new() };
    let plan = shop.assess(Grammar::V2, &["-p", "shop", "down", "-v"]);
    assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS, "outside", "shop_cache", "shop_data"]);
}

/// The containers of the services, by name, are gone.
fn without(mut shop: Shop, services: &[&str]) -> Shop {
    shop.containers.retain(|container| !services.contains(&container.service().expect("a service")));
    shop
}

#[test]
fn naming_a_service_does_not_narrow_the_volumes_of_an_older_compose() {
    let plan = Shop::new().assess(Grammar::V2, &["down", "-v", "web"]);
    assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS], "the other containers stay and hold theirs");
    let shop = without(Shop::new(), &["db", "cache"]);
    let plan = shop.assess(Grammar::V2, &["down", "-v", "web"]);
    assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS, "shop_cache", "shop_data"]);
}

#[test]
fn a_newer_compose_takes_the_volumes_of_the_service_and_of_what_it_depends_on() {
    let mut shop = without(Shop::new(), &["db", "cache"]);
    shop.probe.version = Some((2, 40));
    assert_eq!(volumes(&shop.assess(Grammar::V2, &["down", "-v", "web"]), Effect::Destroy), [ANONYMOUS]);
    for model in [&mut shop.model, &mut shop.whole] {
        model.services.get_mut("web").expect("web").depends_on = vec!["db".into()];
    }
    let plan = shop.assess(Grammar::V2, &["down", "-v", "web"]);
    assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS, "shop_data"]);
    // A service in an inactive profile is reached by its name.
    let plan = shop.assess(Grammar::V2, &["down", "-v", "cache"]);
    assert_eq!(volumes(&plan, Effect::Destroy), ["shop_cache"]);
}

#[test]
fn a_volume_that_somebody_else_mounts_is_kept() {
    let mut shop = Shop::new();
    shop.probe.foreign_users.push(container("holder", "busybox", vec![named("shop_data", "/x")]));
    let plan = shop.assess(Grammar::V2, &["down", "-v"]);
    assert_eq!(volumes(&plan, Effect::Destroy), [ANONYMOUS]);
    assert_eq!(volumes(&plan, Effect::None), ["shop_data"]);
    // A one-off container that is left running holds it as well.
    let mut shop = Shop::new();
    let mut one_off = container("db", "qdrant/qdrant:v1.19.0", vec![named("shop_data", "/qdrant/storage")]);
    one_off.id = "one-off".into();
    one_off.labels.insert("com.docker.compose.oneoff".into(), "True".into());
    shop.containers.push(one_off);
    let plan = shop.assess(Grammar::V2, &["down", "-v"]);
    assert_eq!(volumes(&plan, Effect::None), ["shop_data"]);
}

#[test]
fn an_external_volume_is_kept_when_the_file_is_read() {
    let shop = without(Shop::new(), &["cache"]);
    let plan = shop.assess(Grammar::V2, &["--all-resources", "down", "-v"]);
    assert!(!volumes(&plan, Effect::Destroy).contains(&"outside"));
    assert!(volumes(&plan, Effect::Destroy).contains(&"shop_cache"));
}

#[test]
fn data_in_the_container_goes_with_the_container() {
    let mut shop = Shop::new();
    shop.containers[0].mounts.clear();
    let plan = shop.assess(Grammar::V2, &["down"]);
    let lost: Vec<&Subject> = plan.of(Effect::Destroy).map(|impact| &impact.subject).collect();
    assert_eq!(
        lost,
        [&Subject::Layer { container: "shop-db-1".into(), created: Some("2026-01-01T00:00:00Z".into()) }]
    );
    assert_eq!(shop.assess(Grammar::V2, &["stop"]).worst(), Effect::Interrupt);
    assert_eq!(shop.assess(Grammar::V2, &["rm", "-f"]).worst(), Effect::None, "it runs, so it stays");
    assert_eq!(shop.assess(Grammar::V2, &["rm", "-fs"]).worst(), Effect::Destroy);
}

#[test]
fn an_anonymous_volume_of_a_store_is_asked_about_and_that_of_a_program_is_told() {
    let mut shop = Shop::new();
    let plan = shop.assess(Grammar::V2, &["down"]);
    assert_eq!(volumes(&plan, Effect::Orphan), [ANONYMOUS]);
    assert_eq!(plan.worst(), Effect::Interrupt, "a `node_modules` is no question");
    shop.containers[0].mounts = vec![mount("bbbb", "/qdrant/storage", true, false)];
    let plan = shop.assess(Grammar::V2, &["down"]);
    assert_eq!(plan.worst(), Effect::Orphan);
    assert_eq!(plan.of(Effect::Orphan).count(), 1);
}

#[test]
fn a_carried_over_anonymous_volume_survives_down_with_volumes() {
    let mut shop = Shop::new();
    shop.containers[2].mounts = vec![mount(ANONYMOUS, "/app/node_modules", true, true)];
    let plan = shop.assess(Grammar::V2, &["down", "-v"]);
    assert_eq!(volumes(&plan, Effect::Destroy), ["shop_data"]);
    assert_eq!(volumes(&plan, Effect::Orphan), [ANONYMOUS]);
}

#[test]
fn disposable_volumes_are_listed_and_never_asked_about() {
    let mut shop = Shop::new();
    shop.containers.truncate(1);
    shop.settings =
        Settings::read(Some(&serde_json::json!({ "volumes": { "data": { "disposable": true } } })))
            .expect("settings");
    let plan = shop.assess(Grammar::V2, &["down", "-v"]);
    assert_eq!(volumes(&plan, Effect::Destroy), ["shop_data"]);
    assert_eq!(plan.worst(), Effect::Interrupt);
}
