//! Commands about every project of the engine.

use std::collections::BTreeMap;

use safe_compose::engine::Volume;
use safe_compose::engine::memory::EngineMethod;

use super::scene::{Scene, container, mount};

/// `shop` as it runs; `blog`, whose directory is gone; `wiki`, of which only a volume is left.
fn scene() -> Scene {
    let mut blog = container("db", "postgres:17", vec![mount("blog_data", "/var/lib/postgresql/data")]);
    blog.id = "id-blog".into();
    blog.name = "blog-db-1".into();
    blog.labels.insert("com.docker.compose.project".into(), "blog".into());
    let mut scene = Scene::shop().elsewhere().with_file(
        "compose.yaml",
        "services:\n  db:\n    image: postgres:17\n    volumes: [data:/var/lib/postgresql/data]\n  web: {image: nginx:1.27}\nvolumes: {data: {name: shop_data}}\n",
    );
    scene.engine = scene
        .engine
        .clone()
        .with_volume(volume("blog_data", "blog", "data"))
        .with_volume(volume("wiki_pages", "wiki", "pages"))
        .with_volume_file("wiki_pages", "start.txt", vec![b'x'; 100])
        .with_volume_file("blog_data", "PG_VERSION", vec![b'x'; 3]);
    blog.labels.insert("com.docker.compose.project.working_dir".into(), "/srv/blog".into());
    scene.engine = scene.engine.clone().with_container(blog);
    scene
}

fn volume(name: &str, project: &str, key: &str) -> Volume {
    let labels = [("com.docker.compose.project", project), ("com.docker.compose.volume", key)];
    Volume {
        name: name.into(),
        driver: "local".into(),
        options: BTreeMap::new(),
        labels: labels.map(|(key, value)| (key.into(), value.into())).into(),
        created: None,
        mountpoint: "".into(),
        identity: None,
    }
}

#[test]
fn status() {
    let mut scene = scene();
    scene.run("status --all").run("backup --all").run("status --all");
    scene.snapshot("every/status");
}

#[test]
fn status_for_scripts() {
    let scene = Scene::shop();
    let printed = scene.attempt("status --all --format prometheus").printed;
    assert!(
        printed.contains("safe_compose_backup_missing{project=\"shop\",service=\"db\"} 1\n"),
        "{printed}"
    );
    assert!(printed.contains("safe_compose_project_readable{project=\"shop\"} 1\n"), "{printed}");
    let json = scene.attempt("status --all --format json").printed;
    let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(read["projects"][0]["project"], "shop");
    assert_eq!(read["projects"][0]["bytes"], 24_576);
}

/// The engine is asked once for all projects, and Compose not at all where the labels tell as much as the file.
#[test]
fn status_asks_the_engine_once() {
    let scene = scene();
    let ended = scene.attempt("status --all");
    assert_eq!(ended.exit, 75, "{}", ended.printed);
    let count = |method| scene.engine.count(method);
    assert_eq!(count(EngineMethod::ContainersOfProjects), 1);
    assert_eq!(count(EngineMethod::Volumes), 1);
    assert_eq!(count(EngineMethod::ProjectContainers), 0);
    assert_eq!(count(EngineMethod::Volume), 0);
}

#[test]
fn a_broken_file_is_a_row() {
    let mut scene = scene()
        .with_file("compose.yaml", "services: [\n")
        .with_refused_file("yaml: line 1: did not find expected node content\n");
    scene.run("status --all").run("backup --all --quiet").run("verify --all");
    scene.snapshot("every/a_broken_file_is_a_row");
}

#[test]
fn backup_and_prune() {
    let mut scene = scene();
    scene.run("backup --all --dry-run").run("backup --all --quiet").run("backups prune --all");
    scene.run("backup --all --format json --dry-run").run("-p shop backup --all");
    scene.snapshot("every/backup_and_prune");
}

/// What fails does not stop the rest.
#[test]
fn a_failing_backup() {
    let mut scene = scene();
    scene.engine.fail(EngineMethod::ReadArchive);
    scene.run("backup --all").run("backup --all --quiet");
    scene.snapshot("every/a_failing_backup");
}

#[test]
fn a_loss() {
    let mut scene = Scene::shop();
    scene.run_quietly("verify");
    scene.engine = Scene::shop().with_new_engine().engine;
    scene.run_quietly("verify");
    scene.run("verify --all").run("status --all").run("check --all").run("check");
    scene.snapshot("every/a_loss");
}

#[test]
fn check() {
    let mut scene = Scene::shop();
    scene.run("check").prepare("backup").prepare("protect").run("check").run("check --format json");
    scene.snapshot("every/check");
}

/// A newer program wrote the only backup.
#[test]
fn backups_that_cannot_be_read() {
    let mut scene = Scene::shop();
    scene.prepare("backup");
    let entries = std::fs::read_dir(scene.path("backups/db")).expect("backups").flatten();
    for manifest in entries.map(|entry| entry.path().join("manifest.json")).filter(|path| path.is_file()) {
        std::fs::write(manifest, r#"{ "format_version": 99 }"#).expect("written");
    }
    scene.run("status --all").run("status").run("check").snapshot("every/backups_that_cannot_be_read");
}
