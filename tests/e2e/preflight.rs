//! What the checks before a start say of permissions, held against what a container can really do.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use safe_compose::compose::model::{DeclaredSource, Model, MountDeclaration, Service, VolumeDeclaration};
use safe_compose::engine::Engine as _;
use safe_compose::inventory::Inventory;
use safe_compose::preflight::{CheckFinding, CheckSeverity, Input, Start, examine};
use safe_compose::settings::Settings;

use crate::requirements::missing;
use crate::support::bare::{Bare, docker, engine};

const DATA: &str = "/qdrant/storage";

/// What is found about permissions.
async fn found(image: &str, user: &str, source: DeclaredSource, volume: Option<&str>) -> Vec<CheckFinding> {
    let service = Service {
        name: "qdrant".into(),
        image: Some(image.into()),
        user: (!user.is_empty()).then(|| user.into()),
        mounts: vec![MountDeclaration { source, target: DATA.into(), read_only: false }],
        replicas: 1,
        ..Service::default()
    };
    let declared = volume.map(|name| VolumeDeclaration { name: name.into(), ..VolumeDeclaration::default() });
    let model = Model {
        services: [("qdrant".to_owned(), service)].into(),
        volumes: declared.into_iter().map(|volume| ("data".to_owned(), volume)).collect(),
        ..Model::default()
    };
    let engine = engine().await;
    let identity = engine.identity().await.expect("an identity");
    let inventory = Inventory::take(identity, "sctest", Some(&model), &[], &Settings::default());
    let mut findings = examine(Input {
        services: None,
        model: Some(&model),
        inventory: &inventory,
        engine: &engine,
        start: Start::AsDeclared,
    })
    .await;
    findings.retain(|finding| finding.what.contains("cannot access"));
    findings
}

fn bind(path: &Path) -> DeclaredSource {
    DeclaredSource::Bind { path: path.to_owned(), create_host_path: true }
}

#[tokio::test]
async fn a_container_can_write_where_we_say_and_nowhere_else() {
    let Some(bare) = Bare::new("permission") else { return };
    let image = bare.image(&["USER 1000"]);
    let root = tempfile::tempdir().expect("a directory");
    if chown(root.path(), Some(0), Some(0)).is_err() {
        return missing("this process may not change the owner of a file");
    }
    // A closed directory above changes nothing.
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o700)).expect("set");
    for (number, (owner, group, mode, user)) in [
        (0, 0, 0o755, "1000:1000"),
        (0, 0, 0o777, "1000:1000"),
        (1000, 0, 0o700, "1000:1000"),
        (1000, 0, 0o077, "1000:1000"),
        (0, 1000, 0o770, "5:1000"),
        (0, 1000, 0o707, "5:1000"),
        (7, 7, 0o700, ""),
        (7, 7, 0o700, "0"),
        (1000, 1000, 0o700, ""),
        (0, 0, 0o711, "1000"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = root.path().join(number.to_string());
        std::fs::create_dir(&path).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        chown(&path, Some(owner), Some(group)).expect("given");
        let mount = format!("{}:{DATA}", path.display());
        let mut words = vec!["run", "--rm", "--network", "none", "-v", &mount];
        if !user.is_empty() {
            words.extend(["-u", user]);
        }
        words.extend([image.as_str(), "sh", "-c", "touch /qdrant/storage/x && ls /qdrant/storage"]);
        let can = docker(&words);
        let findings = found(&image, user, bind(&path), None).await;
        let stops = findings.iter().any(|finding| finding.severity == CheckSeverity::Stop);
        assert_eq!(can.is_err(), stops, "{owner}:{group} {mode:o} as {user:?}: {can:?}, {findings:#?}");
    }
}

#[tokio::test]
async fn an_empty_volume_gets_the_owner_of_the_image() {
    let Some(bare) = Bare::new("copy-up") else { return };
    let image = bare.image(&["USER 1000"]);
    // The image's own directory, owned by its user.
    let maker = bare.container(
        &["run", "-d"],
        "maker",
        &[
            "-u",
            "0",
            &image,
            "sh",
            "-c",
            "mkdir -p /qdrant/storage && /bin/busybox chown 1000:1000 /qdrant/storage",
        ],
    );
    bare.docker(&["wait", &maker]);
    let owned = format!("{}:owned", bare.name);
    bare.docker(&["commit", "--change", "USER 1000", &maker, &owned]);
    let volume = bare.volume("data");
    let named = || DeclaredSource::Named { key: "data".into(), subpath: None };
    assert_eq!(found(&owned, "", named(), Some(&volume)).await, []);
    let mount = format!("{volume}:{DATA}");
    bare.docker(&["run", "--rm", "-v", &mount, &owned, "touch", "/qdrant/storage/raft_state.json"]);
    assert_eq!(found(&owned, "", named(), Some(&volume)).await, []);
    assert_eq!(found(&owned, "2000:2000", named(), Some(&volume)).await.len(), 1);
    assert!(
        docker(&["run", "--rm", "-u", "2000:2000", "-v", &mount, &owned, "touch", "/qdrant/storage/y"])
            .is_err()
    );
}
