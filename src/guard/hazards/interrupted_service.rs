//! A running data store is stopped. It keeps its data; killed without time to write, it has to recover at its next
//! start.

use super::super::{Hazard, HazardContext};
use crate::compose::actions::StopMode;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct InterruptedService;

impl Hazard for InterruptedService {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let Some(mode) = cx.reading.stop_mode() else { return };
        let command = cx.command();
        for container in cx.scope().containers().filter(|container| container.is_running()) {
            let Some(store) = cx.store_of(container) else { continue };
            let reason = match mode {
                StopMode::Graceful => format!("`{command}` stops it"),
                StopMode::Immediate if store.data_paths().is_empty() => {
                    format!("`{command}` kills it without time to shut down")
                }
                StopMode::Immediate => format!("`{command}` kills it: {KILL_COST}"),
            };
            found.push(Impact::new(
                Effect::Interrupt,
                Subject::Service { name: store.service.clone() },
                reason,
            ));
        }
    }
}

/// What it costs a server to be killed.
pub(super) const KILL_COST: &str =
    "data not yet written to disk is lost, and it has to recover at its next start";
