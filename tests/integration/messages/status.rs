//! `status`.

use safe_compose::engine::ContainerState;
use safe_compose::engine::memory::EngineMethod;

use super::scene::{Scene, container};

#[test]
fn at_risk() {
    Scene::shop().run("status").snapshot("status/at_risk");
}

#[test]
fn safe() {
    Scene::shop().prepare("backup").prepare("protect").run("status").snapshot("status/safe");
}

#[test]
fn as_json() {
    Scene::shop().run("status --format json").snapshot("status/as_json");
}

#[test]
fn stopped_and_unmeasured() {
    let mut scene = Scene::shop().with_container(container("cache", "redis:7", Vec::new()));
    scene.engine.set_state("shop-db-1", ContainerState::Exited);
    scene.engine.fail(EngineMethod::VolumeSizes);
    scene.run("status").snapshot("status/stopped_and_unmeasured");
}

#[test]
fn no_data() {
    Scene::empty().run("status").snapshot("status/no_data");
}

#[test]
fn widths() {
    Scene::shop().at_width(60).run("status").snapshot("status/at_60_columns");
    Scene::shop().at_width(200).run("status").snapshot("status/at_200_columns");
}
