//! `down --rmi`: images that no registry has.

use safe_compose::policy::Effect;

use super::engine;
use super::row::Files;
use super::trial::Trial;
use crate::support::Compose;

const OWN_IMAGE: Files = &[("compose.yml", "services: { db: { image: '{P}:app', network_mode: none } }")];

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
