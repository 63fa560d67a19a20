//! A removed container loses its layer and leaves its anonymous volumes behind.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext};
use crate::compose::actions::Removes;
use crate::engine::Container;
use crate::policy::Impact;

pub(in super::super) struct RemovedContainer;

impl Hazard for RemovedContainer {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let cause = if cx.reading.acts_on_everything() {
            format!("`{} --down-project` removes every container of the project", cx.command())
        } else {
            format!("`{}` removes the container", cx.command())
        };
        let volumes_too = cx.reading.deletes_anonymous_volumes();
        let removal = Removal { cause: &cause, volumes_too, replaced: false };
        let is_removed = |container: &&Container| match cx.reading.removes() {
            Removes::Nothing => false,
            Removes::Stopped => !container.is_running(),
            Removes::All => true,
        };
        for container in cx.scope().containers().filter(is_removed) {
            container_removal::container(cx, container, removal, found);
        }
    }
}
