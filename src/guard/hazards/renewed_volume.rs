//! `up --renew-anon-volumes` gives every container new anonymous volumes; the old ones stay behind.

use super::super::gone::{self, Going};
use super::super::{Hazard, Role, Scene, recreation};
use crate::engine::Container;
use crate::policy::Impact;

pub(in super::super) struct RenewedVolume;

impl Hazard for RenewedVolume {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        if scene.subcommand() != "up" || !scene.reading.is_set("renew-anon-volumes") {
            return;
        }
        let cause = "`up --renew-anon-volumes` does not carry it over";
        let going = Going { cause, volumes_too: false, replaced: false };
        let all = recreation::renews_all(scene);
        let recreated = recreation::recreated(scene);
        let renewed = |container: &&Container| all || recreated.contains_key(&container.id);
        for container in scene.containers.iter().filter(|container| !container.is_one_off()).filter(renewed) {
            // A dependency that is made anew gets new ones too.
            if let Some(Role::Named | Role::Dependency) =
                container.service().and_then(|name| scene.role(name))
            {
                gone::anonymous_volumes(scene, container, going, found);
            }
        }
    }
}
