//! `protect` and `unprotect`.

use safe_compose::engine::memory::EngineMethod;

use super::scene::{Scene, typed};

#[test]
fn protect() {
    let mut scene = Scene::shop();
    scene.run("--safe-plan protect").run("protect").run("protect data").run("--safe-plan down -v");
    scene.snapshot("protect/protect");
}

#[test]
fn unprotect() {
    let mut scene = Scene::shop();
    scene.prepare("protect").run("unprotect data").run("--safe-plan unprotect data");
    scene = scene.at_terminal(&[typed("no")]);
    scene.run("unprotect data");
    scene = scene.at_terminal(&[typed("shop_data")]);
    scene.run("unprotect data").run("unprotect data").snapshot("protect/unprotect");
}

#[test]
fn unprotect_with_wrong_token() {
    let mut scene = Scene::shop();
    scene.prepare("protect").run("--safe-allow=000000000000 unprotect data");
    scene.snapshot("protect/unprotect_with_wrong_token");
}

#[test]
fn unknown_volume() {
    Scene::shop().run("protect nosuch").run("unprotect nosuch").snapshot("protect/unknown_volume");
}

#[test]
fn no_volume() {
    Scene::empty().run("protect").snapshot("protect/no_volume");
}

#[test]
fn engine_refuses() {
    let mut scene = Scene::shop();
    scene.engine.fail(EngineMethod::CreateHolder);
    scene.run("protect").snapshot("protect/engine_refuses");
}

#[test]
fn unknown_architecture() {
    let mut scene = Scene::shop();
    scene.engine = scene.engine.clone().with_architecture("s390x");
    scene.run("protect").snapshot("protect/unknown_architecture");
}
