//! `up --renew-anon-volumes` gives every container new anonymous volumes; the old ones stay behind.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, Role, recreation};
use crate::engine::Container;
use crate::policy::Impact;

pub(in super::super) struct RenewedVolume;

impl Hazard for RenewedVolume {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if cx.subcommand() != "up" || !cx.reading.is_set("renew-anon-volumes") {
            return;
        }
        let cause = "`up --renew-anon-volumes` does not carry it over";
        let removal = Removal { cause, volumes_too: false, replaced: false };
        let all = recreation::renews_all(cx);
        let recreated = recreation::recreated(cx);
        let renewed = |container: &&Container| all || recreated.contains_key(&container.id);
        for container in cx.containers.iter().filter(|container| !container.is_one_off()).filter(renewed) {
            // A dependency that is made anew gets new ones too.
            if let Some(Role::Named | Role::Dependency) = container.service().and_then(|name| cx.role(name)) {
                container_removal::anonymous_volumes(cx, container, removal, found);
            }
        }
    }
}
