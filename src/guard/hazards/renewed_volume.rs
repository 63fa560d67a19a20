//! `up --renew-anon-volumes` gives every container new anonymous volumes; the old ones stay behind.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, Role, recreation};
use crate::engine::Container;
use crate::policy::Impact;

pub(in super::super) struct RenewedVolume;

impl Hazard for RenewedVolume {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if !cx.reading.renews_anonymous_volumes() {
            return;
        }
        let cause = "`up --renew-anon-volumes` replaces it";
        let removal = Removal { cause, volumes_too: false, replaced: false };
        let all = recreation::renews_all(cx);
        let recreated = recreation::recreated(cx);
        let renewed = |container: &&Container| all || recreated.contains_key(&container.id);
        for container in cx.containers.iter().filter(|container| !container.is_one_off()).filter(renewed) {
            // A recreated dependency gets new ones too.
            if let Some(Role::Named | Role::Dependency) = container.service().and_then(|name| cx.role(name)) {
                container_removal::anonymous_volumes(cx, container, removal, found);
            }
        }
    }
}
