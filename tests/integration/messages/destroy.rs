//! Commands that destroy data: refused, asked about, run.

use safe_compose::engine::memory::EngineMethod;
use safe_compose::ui::Reply;
use serde_json::json;

use super::scene::{Scene, container, mount, typed};

#[test]
fn refused_without_terminal() {
    Scene::shop().run("down -v").snapshot("destroy/refused_without_terminal");
}

/// In a workflow, what to put into it comes first. A token that does not fit is another matter.
#[test]
fn refused_in_a_workflow() {
    let mut scene = Scene::shop();
    scene.env().ci = true;
    scene.run("down -v").run("--safe-allow=000000000000 down -v").snapshot("destroy/refused_in_a_workflow");
}

/// Who reads what Compose prints with `--progress json`, such as Ansible, finds nothing else on standard error.
#[test]
fn refused_with_json_progress() {
    let mut scene = Scene::shop();
    scene.run("--progress json down -v").run("--safe-plan --progress=json down -v");
    scene.snapshot("destroy/refused_with_json_progress");
    let mut scene = Scene::shop();
    scene.env().compose_progress = Some("json".into());
    scene
        .run("up -d")
        .run("--progress plain --safe-plan up -d")
        .snapshot("destroy/json_progress_of_environment");
}

/// Nothing is lost with an empty volume, unless something that runs may write to it in the meantime.
#[test]
fn an_empty_volume() {
    let mut scene = Scene::empty().with_config(&super::scene::shop_config()).with_new_engine();
    scene.run("--safe-plan down -v");
    scene.stopped().run("--safe-plan down -v").run("down -v").snapshot("destroy/an_empty_volume");
}

#[test]
fn refused_by_settings() {
    let settings = json!({ "guard": { "destroy": "refuse" } });
    Scene::shop().with_settings(&settings).run("down -v").snapshot("destroy/refused_by_settings");
}

#[test]
fn refused_with_wrong_token() {
    Scene::shop().run("--safe-allow=000000000000 down -v").snapshot("destroy/refused_with_wrong_token");
}

#[test]
fn allowed_with_token() {
    Scene::shop().run_with_token("--safe-allow={token} down -v").snapshot("destroy/allowed_with_token");
}

#[test]
fn confirmed() {
    Scene::shop().at_terminal(&[typed("shop")]).run("down -v").snapshot("destroy/confirmed");
}

#[test]
fn not_confirmed() {
    let mut scene = Scene::shop();
    for reply in [typed("yes"), typed(""), Reply::EndOfInput, Reply::Interrupted] {
        scene = scene.at_terminal(&[reply]);
        scene.run("down -v");
    }
    scene.snapshot("destroy/not_confirmed");
}

#[test]
fn without_backup() {
    Scene::shop()
        .at_terminal(&[typed("shop")])
        .run("--safe-skip-backup down -v")
        .snapshot("destroy/without_backup");
}

#[test]
fn backup_fails() {
    let mut scene = Scene::shop().at_terminal(&[typed("shop")]);
    scene.engine.fail(EngineMethod::ReadArchive);
    scene.run("down -v").snapshot("destroy/backup_fails");
}

#[test]
fn compose_fails() {
    Scene::shop()
        .with_compose_exit(17)
        .at_terminal(&[typed("shop")])
        .run("down -v")
        .snapshot("destroy/compose_fails");
}

#[test]
fn data_in_the_container() {
    let mut scene = Scene::shop().with_container(container("cache", "postgres:17", Vec::new()));
    scene.run("rm -sf db").run("down --remove-orphans").snapshot("destroy/data_in_the_container");
}

#[test]
fn long_names() {
    let scene = || {
        let volume = "shop_a_rather_long_name_of_a_volume_that_holds_the_orders_of_2026";
        let config = json!({
            "name": "shop",
            "services": { "orders-database-primary": { "image": "postgres:17", "volumes": [
                { "type": "volume", "source": "orders", "target": "/var/lib/postgresql/data", "volume": {} }
            ] } },
            "volumes": { "orders": { "name": volume } },
        });
        Scene::empty()
            .with_config(&config)
            .with_image("postgres:17")
            .with_volume(volume, "orders")
            .with_files(volume, &[("base/1/PG_VERSION", 123_456)])
            .with_container(container(
                "orders-database-primary",
                "postgres:17",
                vec![mount(volume, "/var/lib/postgresql/data")],
            ))
    };
    scene().run("down -v").snapshot("destroy/long_names");
    scene().at_width(60).run("down -v").snapshot("destroy/long_names_at_60_columns");
    scene().at_width(200).run("down -v").snapshot("destroy/long_names_at_200_columns");
}

#[test]
fn another_engine() {
    let mut scene = Scene::shop();
    scene.engine = scene.engine.clone().with_identity(safe_compose::engine::Identity {
        id: "REMO:TE".into(),
        name: "production".into(),
        version: "28.0.1".into(),
        endpoint: "ssh://deploy@production.example.org".into(),
        local: false,
        root: "/var/lib/docker".into(),
        containerd_images: false,
    });
    scene.run("down -v").snapshot("destroy/another_engine");
}
