//! The checks before a start, on real directories. They run as any user, since owners are computed and never tried; the
//! tests that need a directory of another owner need root.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use safe_compose::compose::model::{DeclaredSource, Model, MountDeclaration, Service, VolumeDeclaration};
use safe_compose::engine::memory::{EngineMethod, MemoryEngine};
use safe_compose::engine::{
    Container, ContainerState, Engine as _, Identity, Image, Mount, MountSource, Volume,
};
use safe_compose::inventory::Inventory;
use safe_compose::preflight::{CheckFinding, CheckSeverity, Input, Repair, Start, examine};
use safe_compose::settings::Settings;

use crate::requirements::missing;
use crate::support::Disk;

const DATA: &str = "/qdrant/storage";

/// A project of one Qdrant service, on an engine in memory.
struct Project {
    service: Service,
    volumes: BTreeMap<String, VolumeDeclaration>,
    engine: MemoryEngine,
    containers: Vec<Container>,
    start: Start,
    local: bool,
    judge_disk: bool,
}

impl Project {
    fn new() -> Self {
        Self {
            service: Service {
                name: "qdrant".into(),
                image: Some("qdrant/qdrant:v1.19.0".into()),
                replicas: 1,
                ..Service::default()
            },
            volumes: BTreeMap::new(),
            engine: MemoryEngine::new().with_image("qdrant/qdrant:v1.19.0", image("")),
            containers: Vec::new(),
            start: Start::AsDeclared,
            local: true,
            judge_disk: false,
        }
    }

    fn bind(self, path: &Path) -> Self {
        self.mount(DeclaredSource::Bind { path: path.to_owned(), create_host_path: true }, DATA)
    }

    fn mount(mut self, source: DeclaredSource, target: &str) -> Self {
        self.service.mounts.push(MountDeclaration { source, target: target.into(), read_only: false });
        self
    }

    fn volume(mut self, declared: VolumeDeclaration) -> Self {
        self.volumes.insert("data".into(), declared);
        self.mount(DeclaredSource::Named { key: "data".into(), subpath: None }, DATA)
    }

    fn user(mut self, user: &str) -> Self {
        self.service.user = Some(user.into());
        self
    }

    fn container(mut self, container: Container) -> Self {
        self.containers.push(container.clone());
        self.engine = self.engine.with_container(container);
        self
    }

    fn check(&self) -> Vec<CheckFinding> {
        let model = Model {
            name: Some("shop".into()),
            services: [("qdrant".to_owned(), self.service.clone())].into(),
            volumes: self.volumes.clone(),
            settings: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let identity = Identity { local: self.local, ..self.engine.identity().await.expect("memory") };
            let inventory =
                Inventory::take(identity, "shop", Some(&model), &self.containers, &Settings::default());
            let mut findings = examine(Input {
                services: None,
                model: Some(&model),
                inventory: &inventory,
                engine: &self.engine,
                start: self.start,
            })
            .await;
            // Most tests do not depend on the free space of the disk.
            findings.retain(|finding| self.judge_disk || !finding.what.contains("free on the disk"));
            findings
        })
    }

    fn finds(&self, severity: CheckSeverity, what: &str) -> CheckFinding {
        let findings = self.check();
        match findings.as_slice() {
            [one] if one.severity == severity && one.what.contains(what) => one.clone(),
            other => panic!("expected {severity:?} with {what:?}, found {other:#?}"),
        }
    }

    fn finds_nothing(&self) {
        assert_eq!(self.check(), []);
    }
}

fn image(user: &str) -> Image {
    Image { id: "sha256:0".into(), user: user.into(), ..Image::default() }
}

fn container(source: MountSource, started: bool) -> Container {
    Container {
        id: "c1".into(),
        name: "shop-qdrant-1".into(),
        state: ContainerState::Exited,
        image: "qdrant/qdrant:v1.19.0".into(),
        image_id: "sha256:0".into(),
        environment: BTreeMap::new(),
        user: String::new(),
        labels: [
            ("com.docker.compose.project".to_owned(), "shop".to_owned()),
            ("com.docker.compose.service".to_owned(), "qdrant".to_owned()),
        ]
        .into(),
        mounts: vec![Mount { source, destination: DATA.into(), read_only: false, subpath: None }],
        ports: Vec::new(),
        addresses: BTreeMap::new(),
        network_mode: "shop_default".into(),
        created: "2026-01-01T00:00:00Z".into(),
        started: started.then(|| "2026-01-01T00:00:00Z".into()),
        finished: None,
        health: None,
        exit_code: 0,
        command: Vec::new(),
    }
}

fn engine_volume(name: &str, mountpoint: &Path, options: &[(&str, &str)]) -> Volume {
    Volume {
        name: name.into(),
        driver: "local".into(),
        options: options.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
        labels: BTreeMap::new(),
        created: None,
        mountpoint: mountpoint.to_owned(),
        identity: None,
    }
}

fn declared(name: &str) -> VolumeDeclaration {
    VolumeDeclaration { name: name.into(), ..VolumeDeclaration::default() }
}

/// A directory of some owner and mode; `None` where this process may not change owners.
fn directory(root: &Path, name: &str, owner: (u32, u32), mode: u32) -> Option<PathBuf> {
    let path = root.join(name);
    std::fs::create_dir_all(&path).expect("made");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    give(&path, owner.0, Some(owner.1)).then_some(path)
}

fn give(path: &Path, user: u32, group: Option<u32>) -> bool {
    let given = chown(path, Some(user), group).is_ok();
    if !given {
        missing("this process may not change the owner of a file");
    }
    given
}

fn root() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[test]
fn a_sound_directory_is_no_finding() {
    let root = root();
    Project::new().bind(root.path()).finds_nothing();
}

#[test]
fn a_missing_directory_is_made_for_the_user_of_the_container() {
    let root = root();
    let path = root.path().join("volumes/it's here");
    let project = Project::new().bind(&path).user("1000:1001");
    if !give(root.path(), 0, None) {
        return;
    }
    let finding = project.finds(CheckSeverity::Repair, "does not exist");
    let command = finding.suggest.clone().expect("a command");
    assert_eq!(
        shell_words::split(&command).expect("quoted").last().map(String::as_str),
        path.to_str(),
        "{command}"
    );
    let repair = finding.repair.expect("a repair");
    assert_eq!(
        repair,
        Repair::CreateDirectory { path: path.clone(), mode: 0o755, owner: Some((1000, 1001)) }
    );
    repair.apply().expect("repaired");
    let made = path.metadata().expect("there");
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o777), (1000, 1001, 0o755));
    project.finds_nothing();
}

#[test]
fn a_missing_directory_that_is_not_created_stops() {
    let root = root();
    let source = DeclaredSource::Bind { path: root.path().join("x"), create_host_path: false };
    let finding = Project::new().mount(source, DATA).finds(CheckSeverity::Stop, "does not exist");
    assert_eq!(finding.repair, None);
    assert!(finding.suggest.is_some_and(|command| command.starts_with("mkdir -p ")));
}

#[test]
fn a_directory_that_existed_before_is_missing_and_not_created() {
    let root = root();
    let path = root.path().join("gone");
    let bind = || MountSource::Bind { path: path.clone() };
    let mut project = Project::new().bind(&path).container(container(bind(), true));
    assert_eq!(project.finds(CheckSeverity::Stop, "does not exist").repair, None);
    project.start = Start::AsCreated;
    assert_eq!(project.finds(CheckSeverity::Stop, "does not exist").repair, None);
    let never_ran = Project::new().bind(&path).container(container(bind(), false));
    assert!(never_ran.finds(CheckSeverity::Repair, "does not exist").repair.is_some());
}

#[test]
fn a_start_uses_the_mounts_of_the_container_and_an_up_those_of_the_file() {
    let root = root();
    let old = MountSource::Bind { path: root.path().join("old") };
    let mut project = Project::new().bind(root.path()).container(container(old, true));
    project.finds_nothing();
    project.start = Start::AsCreated;
    project.finds(CheckSeverity::Stop, "old");
}

#[test]
fn a_file_instead_of_a_directory_stops() {
    let root = root();
    let path = root.path().join("file");
    std::fs::write(&path, "").expect("written");
    Project::new().bind(&path).finds(CheckSeverity::Stop, "is not a directory");
}

#[test]
fn a_dangling_link_stops() {
    let root = root();
    let path = root.path().join("link");
    symlink(root.path().join("nowhere"), &path).expect("linked");
    Project::new().bind(&path).finds(CheckSeverity::Stop, "is a link");
    std::fs::create_dir(root.path().join("nowhere")).expect("made");
    Project::new().bind(&path).finds_nothing();
}

#[test]
fn a_user_who_cannot_write_stops_with_the_command_that_helps() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 0), 0o755) else { return };
    let finding = Project::new().bind(&path).user("1000:1000").finds(CheckSeverity::Stop, "cannot access");
    assert_eq!(finding.suggest, Some(format!("sudo chown -R 1000:1000 {}", path.display())));
    chown(&path, Some(1000), Some(1000)).expect("given");
    Project::new().bind(&path).user("1000:1000").finds_nothing();
    Project::new().bind(&path).user("2000:1000").finds(CheckSeverity::Stop, "cannot access");
    Project::new().bind(&path).finds_nothing();
}

/// A project of one database, whose data is in a directory of the host.
fn database(reference: &str, of_image: &str, path: &Path, target: &str) -> Project {
    let source = DeclaredSource::Bind { path: path.to_owned(), create_host_path: true };
    let mut project = Project::new().mount(source, target);
    project.service.image = Some(reference.into());
    project.engine = MemoryEngine::new().with_image(reference, image(of_image));
    project
}

const DATABASES: [(&str, &str); 5] = [
    ("postgres:17", "/var/lib/postgresql/data"),
    ("mariadb:11", "/var/lib/mysql"),
    ("redis:7", "/data"),
    ("mongo:8", "/data/db"),
    ("grafana/grafana", "/var/lib/grafana"),
];

#[test]
fn a_database_that_cannot_write_stops_with_the_command_that_helps() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 0), 0o755) else { return };
    for (image, target) in DATABASES {
        let of = |of_image| database(image, of_image, &path, target);
        let finding = of("").user("1000:1000").finds(CheckSeverity::Stop, "cannot access");
        assert_eq!(finding.suggest, Some(format!("sudo chown -R 1000:1000 {}", path.display())), "{image}");
        of("1000:1000").finds(CheckSeverity::Stop, "cannot access");
        // The image may be missing yet.
        of("").user("1000").finds(CheckSeverity::Stop, "cannot access");
    }
    chown(&path, Some(1000), Some(1000)).expect("given");
    for (image, target) in DATABASES {
        database(image, "1000:1000", &path, target).finds_nothing();
    }
}

#[test]
fn a_container_that_starts_as_root_takes_the_directory_of_anybody() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (1234, 1234), 0o700) else { return };
    for (image, target) in DATABASES {
        database(image, "", &path, target).finds_nothing();
        database(image, "1000", &path, target).user("0:0").finds_nothing();
    }
}

#[test]
fn postgresql_has_to_own_its_directory() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 0), 0o777) else { return };
    database("postgres:17", "", &path, "/var/lib/postgresql/data")
        .user("1000:1000")
        .finds(CheckSeverity::Stop, "cannot access");
    database("mariadb:11", "", &path, "/var/lib/mysql").user("1000:1000").finds_nothing();
}

#[test]
fn a_directory_above_the_data_may_belong_to_somebody_else() {
    let root = root();
    let Some(above) = directory(root.path(), "d", (0, 0), 0o755) else { return };
    let project = || database("postgres:17", "", &above, "/var/lib/postgresql").user("1000:1000");
    project().finds(CheckSeverity::Stop, "cannot access");
    let Some(data) = directory(&above, "data", (1000, 1000), 0o700) else { return };
    project().finds_nothing();
    chown(data, Some(7), Some(7)).expect("given");
    project().finds(CheckSeverity::Stop, "cannot access");
}

#[test]
fn only_a_server_needs_to_write_its_data() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 0), 0o755) else { return };
    let with_command = |image: &str, target: &str, words: &[&str]| {
        let mut project = database(image, "", &path, target).user("1000:1000");
        project.service.command = words.iter().map(|&word| word.into()).collect();
        project
    };
    let data = "/var/lib/postgresql/data";
    with_command("postgres:17", data, &["pg_dumpall", "-h", "db"])
        .finds(CheckSeverity::Warn, "cannot access");
    with_command("postgres:17", data, &["postgres"]).finds(CheckSeverity::Stop, "cannot access");
    with_command("redis:7", "/data", &["redis-server", "--save", ""])
        .finds(CheckSeverity::Warn, "cannot access");
    // Dashboards, which are only read.
    with_command("grafana/grafana", "/var/lib/grafana/dashboards", &[])
        .finds(CheckSeverity::Warn, "cannot access");
    let mut read_only = with_command("postgres:17", data, &["pg_dumpall"]);
    read_only.service.mounts[0].read_only = true;
    read_only.finds_nothing();
    read_only.service.command = Vec::new();
    read_only.finds(CheckSeverity::Stop, "is mounted read-only");
}

#[test]
fn the_user_of_the_image_counts_when_the_file_names_none() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 0), 0o755) else { return };
    let mut project = Project::new().bind(&path);
    project.engine = MemoryEngine::new().with_image("qdrant/qdrant:v1.19.0", image("1000"));
    project.finds(CheckSeverity::Stop, "user 1000 ");
    project.engine = MemoryEngine::new();
    project.finds_nothing();
}

#[test]
fn access_by_group_only_is_a_warning() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 50), 0o775) else { return };
    Project::new().bind(&path).user("1000:1000").finds(CheckSeverity::Warn, "cannot access");
    Project::new().bind(&path).user("1000:50").finds_nothing();
}

#[test]
fn a_name_is_resolved_in_a_container_and_otherwise_not_checked() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 0), 0o755) else { return };
    Project::new().bind(&path).user("app").finds_nothing();
    let bind = MountSource::Bind { path: path.clone() };
    let mut project = Project::new().bind(&path).user("app").container(container(bind, true));
    project.engine = project.engine.with_container_file("c1", "/etc/passwd", "app:x:77:78::/:/bin/sh\n");
    project.finds(CheckSeverity::Stop, "user 77:78 ");
}

#[test]
fn mapped_users_are_not_checked() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (0, 0), 0o755) else { return };
    let mut project = Project::new().bind(&path).user("1000:1000");
    project.engine = MemoryEngine::new().with_mapped_users();
    project.finds_nothing();
    project.engine = MemoryEngine::new();
    project.engine.fail(EngineMethod::MapsUsers);
    project.finds_nothing();
}

#[test]
fn files_of_another_user_count_but_a_gitkeep_does_not() {
    let root = root();
    let Some(path) = directory(root.path(), "d", (1000, 1000), 0o755) else { return };
    std::fs::write(path.join(".gitkeep"), "").expect("written");
    let project = Project::new().bind(&path).user("1000:1000");
    project.finds_nothing();
    let Some(left) = directory(&path, "collections/old", (0, 0), 0o755) else { return };
    chown(path.join("collections"), Some(1000), Some(1000)).expect("given");
    let finding = project.finds(CheckSeverity::Stop, "collections/old");
    assert_eq!(finding.suggest, Some(format!("sudo chown -R 1000:1000 {}", path.display())));
    chown(left, Some(1000), Some(1000)).expect("given");
    project.finds_nothing();
}

#[test]
fn a_closed_directory_above_the_mount_does_not_matter() {
    let root = root();
    let Some(above) = directory(root.path(), "above", (0, 0), 0o700) else { return };
    let Some(path) = directory(&above, "d", (1000, 1000), 0o755) else { return };
    Project::new().bind(&path).user("1000:1000").finds_nothing();
}

#[test]
fn a_read_only_mount_of_the_data_stops() {
    let root = root();
    let mut project = Project::new().bind(root.path());
    project.service.mounts[0].read_only = true;
    project.finds(CheckSeverity::Stop, "is mounted read-only");
}

#[test]
fn plain_files_may_be_read_only_or_single() {
    let root = root();
    let file = root.path().join("nginx.conf");
    std::fs::write(&file, "").expect("written");
    let mut project = Project::new()
        .mount(DeclaredSource::Bind { path: file, create_host_path: true }, "/etc/nginx.conf")
        .mount(DeclaredSource::Bind { path: root.path().join("gone"), create_host_path: true }, "/srv");
    project.service.image = Some("nginx".into());
    project.service.mounts[1].read_only = true;
    project.finds_nothing();
    project.service.mounts[0].source =
        DeclaredSource::Bind { path: root.path().join("other.conf"), create_host_path: true };
    project.finds(CheckSeverity::Warn, "other.conf");
}

#[test]
fn nothing_mounted_is_a_warning() {
    Project::new().finds(CheckSeverity::Warn, "nothing is mounted");
    let elsewhere = DeclaredSource::Anonymous;
    Project::new().mount(elsewhere, "/mem0/storage").finds(CheckSeverity::Warn, "nothing is mounted");
}

#[test]
fn tmpfs_and_unusual_targets_are_warnings() {
    let root = root();
    let bind = || DeclaredSource::Bind { path: root.path().to_owned(), create_host_path: true };
    Project::new().mount(DeclaredSource::Tmpfs, DATA).finds(CheckSeverity::Warn, "in memory");
    Project::new().mount(bind(), "/qdrant").finds(CheckSeverity::Warn, "above");
    Project::new().mount(bind(), "/qdrant/storage/collections").finds(CheckSeverity::Warn, "below");
    Project::new().bind(root.path()).mount(bind(), "/qdrant/storage/collections").finds_nothing();
}

#[test]
fn a_snapshot_directory_has_to_be_writable_too() {
    let root = root();
    let Some(data) = directory(root.path(), "data", (1000, 1000), 0o755) else { return };
    let Some(snapshots) = directory(root.path(), "snapshots", (0, 0), 0o755) else { return };
    let source = DeclaredSource::Bind { path: snapshots, create_host_path: true };
    let project = Project::new().bind(&data).user("1000:1000").mount(source, "/qdrant/snapshots");
    project.finds(CheckSeverity::Stop, "snapshots");
}

#[test]
fn an_external_volume_has_to_exist() {
    let external = || VolumeDeclaration { external: true, ..declared("shared") };
    let project = Project::new().volume(external());
    let finding = project.finds(CheckSeverity::Stop, "`shared` does not exist");
    assert_eq!(finding.suggest.as_deref(), Some("docker volume create shared"));
    let root = root();
    let mut there = Project::new().volume(external());
    there.engine = there.engine.with_volume(engine_volume("shared", root.path(), &[]));
    there.finds_nothing();
    let silent = Project::new().volume(external());
    silent.engine.fail(EngineMethod::Volume);
    silent.finds_nothing();
    Project::new().volume(declared("shop_data")).finds_nothing();
}

#[test]
fn a_volume_is_judged_by_its_directory_once_there_is_something_in_it() {
    let root = root();
    let Some(path) = directory(root.path(), "_data", (0, 0), 0o755) else { return };
    let mut project = Project::new().volume(declared("shop_data")).user("1000:1000");
    project.engine = project.engine.with_volume(engine_volume("shop_data", &path, &[]));
    project.finds_nothing();
    std::fs::write(path.join("raft_state.json"), "{}").expect("written");
    project.finds(CheckSeverity::Stop, "cannot access");
    std::fs::remove_dir_all(&path).expect("removed");
    project.finds(CheckSeverity::Stop, "does not exist");
}

#[test]
fn a_volume_that_is_a_directory_of_the_host_needs_it() {
    let root = root();
    let path = root.path().join("disk");
    let device = path.to_str().expect("text");
    let options = [("type", "none"), ("o", "bind"), ("device", device)];
    let mut declaration = declared("shop_data");
    declaration.driver_opts =
        options.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    let project = Project::new().volume(declaration.clone());
    project.finds(CheckSeverity::Stop, "disk` does not exist");
    std::fs::create_dir(&path).expect("made");
    project.finds_nothing();
}

#[test]
fn a_volume_on_a_network_is_a_warning_for_qdrant() {
    let options = [("type", "nfs"), ("o", "addr=host,rw"), ("device", ":/export")];
    let mut project = Project::new().volume(declared("shop_data"));
    project.engine = project.engine.with_volume(engine_volume("shop_data", Path::new("/nowhere"), &options));
    project.finds(CheckSeverity::Warn, "is on NFS");
}

#[test]
fn a_remote_engine_gets_one_note_and_no_guesses() {
    let mut project = Project::new().bind(Path::new("/no/such/directory"));
    project.local = false;
    project.finds(CheckSeverity::Note, "not checked");
    let mut volume = Project::new().volume(declared("shop_data"));
    volume.local = false;
    volume.finds_nothing();
}

#[test]
fn a_disk_that_is_read_only_or_full_or_in_memory_is_seen() {
    let Some(disk) = Disk::mount("size=64m,mode=755") else { return };
    let mut project = Project::new().bind(disk.path());
    project.finds(CheckSeverity::Warn, "is on tmpfs");
    project.judge_disk = true;
    let findings = project.check();
    assert!(
        findings
            .iter()
            .any(|finding| finding.severity == CheckSeverity::Stop
                && finding.what.contains("free on the disk")),
        "{findings:#?}"
    );
    drop(disk);
    let Some(read_only) = Disk::mount("ro") else { return };
    let deeper = read_only.path().join("deeper");
    for project in
        [Project::new().bind(&deeper), database("postgres:17", "", &deeper, "/var/lib/postgresql/data")]
    {
        let findings = project.check();
        assert!(
            findings
                .iter()
                .any(|finding| finding.severity == CheckSeverity::Stop
                    && finding.what.contains("is read-only")),
            "{findings:#?}"
        );
    }
}

/// A storage directory written by a server.
fn stored() -> crate::qdrant_stand::Stand {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let stand = runtime.block_on(async {
        let stand = crate::qdrant_stand::Stand::new().await;
        stand.fill("receitas", 50).await;
        stand.alias("atual", "receitas").await;
        stand
    });
    runtime.shutdown_background();
    stand
}

#[test]
fn damaged_qdrant_files_stop_the_start() {
    let stand = stored();
    let (storage, collection) = (stand.storage(), stand.storage().join("collections/receitas"));
    let project = || Project::new().bind(&storage);
    project().finds_nothing();
    let segments = std::fs::read_dir(collection.join("0/segments")).expect("listed");
    let segment = segments.map(|entry| entry.expect("one").path()).next().expect("a segment");
    for (file, what) in [
        (segment.join("version.info"), "has no `version.info`"),
        (collection.join("config.json"), "collection `receitas` has no `config.json`"),
        (collection.join("0/replica_state.json"), "has no `replica_state.json`"),
    ] {
        let kept = std::fs::read(&file).expect("read");
        std::fs::remove_file(&file).expect("removed");
        let finding = project().finds(CheckSeverity::Stop, what);
        assert!(finding.why.contains("restore the backup"), "{finding:?}");
        std::fs::write(&file, "").expect("written");
        assert_eq!(project().check().len(), 1, "an empty file is as bad");
        std::fs::write(&file, kept).expect("written");
        project().finds_nothing();
    }
    std::fs::write(collection.join("shard_0.initializing"), "").expect("written");
    assert!(project().finds(CheckSeverity::Stop, "is incomplete").why.contains("--safe-skip-checks"));
    // The files of a running server are not checked.
    let running = Container {
        state: ContainerState::Running,
        ..container(MountSource::Bind { path: storage.clone() }, true)
    };
    project().container(running).finds_nothing();
}

#[test]
fn many_problems_are_summarized() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        let segment = dir.path().join(format!("collections/{name}/0/segments/x"));
        std::fs::create_dir_all(&segment).expect("made");
    }
    let findings = Project::new().bind(dir.path()).check();
    assert_eq!(findings.len(), 6, "{findings:#?}");
    assert!(findings.iter().any(|finding| finding.what.contains("2 more problems")), "{findings:#?}");
}

/// A container of another project.
fn of_other_project(source: MountSource, image: &str, read_only: bool) -> Container {
    let mut other = container(source, true);
    other.id = "other".into();
    other.name = "old-qdrant-1".into();
    other.state = ContainerState::Running;
    other.image = image.into();
    other.mounts[0].read_only = read_only;
    other.labels.insert("com.docker.compose.project".into(), "old".into());
    other
}

#[test]
fn a_second_server_on_the_same_directory_does_not_start() {
    let root = tempfile::tempdir().expect("a directory");
    let other = |image: &str, path: &Path, read_only| {
        of_other_project(MountSource::Bind { path: path.to_owned() }, image, read_only)
    };
    let project = |other: Container| {
        let mut project = Project::new().bind(root.path());
        project.engine = project.engine.with_container(other);
        project
    };
    let qdrant = "qdrant/qdrant:v1.18.0";
    let found =
        project(other(qdrant, root.path(), false)).finds(CheckSeverity::Stop, "is in use by container");
    assert!(found.what.contains("`old-qdrant-1` of project `old`"), "{}", found.what);
    let link = root.path().parent().expect("a parent").join(format!("link-{}", std::process::id()));
    symlink(root.path(), &link).expect("linked");
    project(other(qdrant, &link, false)).finds(CheckSeverity::Stop, "is in use by container");
    std::fs::remove_file(&link).expect("removed");
    project(other(qdrant, root.path(), true)).finds_nothing();
    project(other("acme/backup:1", root.path(), false)).finds_nothing();
    project(other(qdrant, Path::new("/elsewhere"), false)).finds_nothing();
    let mut one_off = other(qdrant, root.path(), false);
    one_off.labels.insert("com.docker.compose.oneoff".into(), "True".into());
    project(one_off).finds_nothing();
    let mut stopped = other(qdrant, root.path(), false);
    stopped.state = ContainerState::Exited;
    project(stopped).finds_nothing();
    // The service's own container is no second server.
    let mut own = other(qdrant, root.path(), false);
    own.labels.insert("com.docker.compose.project".into(), "shop".into());
    project(own.clone()).finds_nothing();
    // Another service of the same project is one.
    own.labels.insert("com.docker.compose.service".into(), "former".into());
    project(own).finds(CheckSeverity::Stop, "is in use by container");
}
