//! `down --rmi`: images that no registry has.

use safe_compose::policy::Effect;

use super::engine;
use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;

const OWN_IMAGE: Files = &[("compose.yml", "services: { db: { image: '{P}:app', network_mode: none } }")];

const BUILT: Files = &[
    ("compose.yml", "services: { db: { build: ., network_mode: none } }"),
    ("Dockerfile", "FROM scratch\n"),
];

/// Makes the image as a build does, with the labels of Compose.
const BUILD: &[&str] = &[
    "docker create --name {P}made {I}:plain",
    "docker commit --change 'LABEL com.docker.compose.project={P} com.docker.compose.service=db' {P}made {P}-db",
    "docker rm {P}made",
];

/// An image that the file builds can be had again: told, and not asked about. Without the file nothing says how.
#[test]
fn rmi_local_deletes_what_the_file_builds() {
    let Some(trial) = Trial::new(Compose::V2, BUILT) else { return };
    let name = format!("{}-db", trial.project);
    let exists = || engine::get(&format!("/images/{name}/json")).is_some();
    for (line, effect, told) in [
        ("down --rmi local", "orphan", true),
        ("down --rmi=all", "orphan", true),
        ("-p {P} down --rmi local", "destroy", false),
    ] {
        for step in BUILD {
            trial.real(step, &[], "").exits(0);
        }
        trial.real("up -d", &[], "").exits(0);
        let ran = trial.safe(&["--safe-plan", "--safe-format=json"], line, &[], "").exits(0);
        let plan: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let impacts = plan["plan"]["impacts"].as_array().cloned().unwrap_or_default();
        let of_image = impacts.iter().find(|impact| impact["subject"]["type"] == "image");
        let of_image = of_image.expect("the image");
        assert_eq!(
            (&of_image["effect"], &of_image["notice"]),
            (&effect.into(), &told.into()),
            "`{line}`: {plan}"
        );
        trial.real(line, &[], "").exits(0);
        assert!(!exists(), "`{line}`");
    }
}

#[test]
fn rmi_all_deletes_what_cannot_be_pulled_again() {
    let Some(trial) = Trial::new(Compose::V2, OWN_IMAGE) else { return };
    let name = format!("{}:app", trial.project);
    let is_image =
        |subject: &serde_json::Value| subject["type"] == "image" && subject["name"] == name.as_str();
    let exists = || engine::get(&format!("/images/{name}/json")).is_some();
    for (line, predicted, stays) in [
        ("down --rmi local", Effect::None, true),
        ("down", Effect::None, true),
        ("down --rmi all", Effect::Destroy, false),
        ("-p {P} down --rmi=all", Effect::Destroy, false),
    ] {
        trial.real("docker tag {I}:plain {P}:app", &[], "").exits(0);
        trial.real("up -d", &[], "").exits(0);
        assert_eq!(trial.planned(line, is_image), predicted, "`{line}`");
        trial.real(line, &[], "").exits(0);
        assert_eq!(exists(), stays, "`{line}`");
    }
}
