//! Keeps several services from writing until the data of all of them is backed up.

use std::cmp::Reverse;

use super::{Quiescer, names};
use crate::backup::quiesce::Quiesce as _;
use crate::commands::held::Until;
use crate::engine::{Container, ContainerState};
use crate::inventory::known;
use crate::settings::QuiesceMode;

/// A running container that may write to the data of stores that are backed up at one moment.
#[derive(Debug)]
pub(in crate::commands) struct MomentMember {
    pub(in crate::commands) container: Container,
    /// The settings list its service. Otherwise it only has the files mounted.
    pub(in crate::commands) is_of_group: bool,
    /// Its server writes the backup itself, so it has to run.
    pub(in crate::commands) is_dumped: bool,
    /// Only the running container has the directory.
    pub(in crate::commands) has_replaced_mount: bool,
}

impl Quiescer<'_> {
    /// Like [`Quiescer::mode`], for services whose data is backed up at one moment: a program that is no database finishes
    /// what it has begun in one store and not yet in the other, unless the settings want it to be paused.
    fn mode_together(&self, member: &MomentMember) -> QuiesceMode {
        let container = &member.container;
        let is_set = container.service().is_some_and(|service| {
            self.cx.settings.services.get(service).is_some_and(|own| own.quiesce.is_some())
        });
        if member.has_replaced_mount {
            return QuiesceMode::Pause;
        }
        if member.is_of_group && !is_set && !container.is_one_off() && !is_data_server(container) {
            return QuiesceMode::Stop;
        }
        self.mode(container)
    }

    /// Whether a container would be paused that may be a client of a database, and so hold locks in it.
    pub(in crate::commands) fn pauses_client(&self, member: &MomentMember) -> bool {
        let container = &member.container;
        container.state != ContainerState::Restarting
            && !is_data_server(container)
            && !self.is_stopped_anyway(container)
            && !self.held.holds(&container.id)
            && (container.state == ContainerState::Paused || self.mode_together(member) == QuiesceMode::Pause)
    }

    /// Keeps all of these from writing, until [`Quiescer::release_together`]: programs before the databases that they use.
    /// What is dumped goes on.
    pub(in crate::commands) async fn hold_together(
        &self,
        members: &[MomentMember],
        stores: &str,
    ) -> anyhow::Result<()> {
        let needed = members.iter().filter(|member| member.is_dumped || member.has_replaced_mount);
        *self.together() = Some(needed.map(|member| member.container.id.clone()).collect());
        let (mut with_command, mut stopped, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let is_open = |member: &&MomentMember| {
            !member.is_dumped
                && member.container.state != ContainerState::Paused
                && !self.held.holds(&member.container.id)
        };
        for member in members.iter().filter(is_open) {
            let container = &member.container;
            let stops = self.mode_together(member) == QuiesceMode::Stop && !is_data_server(container);
            if self.is_stopped_anyway(container) && !member.has_replaced_mount {
                with_command.push(container.clone());
            } else if stops {
                stopped.push(container);
            } else {
                others.push(member);
            }
        }
        self.stop_for_command(&with_command).await?;
        let stopped = self.of_their_services(&stopped).await?;
        if !stopped.is_empty() {
            self.cx.ui().say(format!("stopping {} while {stores} are backed up.", names(&stopped)));
            self.stop(&stopped, Until::Copied).await?;
        }
        others.sort_by_key(|member| Reverse(self.held.rank(&member.container)));
        let (frozen, held): (Vec<&MomentMember>, Vec<_>) =
            others.into_iter().partition(|member| member.has_replaced_mount);
        let containers = |members: Vec<&MomentMember>| -> Vec<Container> {
            members.into_iter().map(|member| member.container.clone()).collect()
        };
        self.freeze(&containers(frozen)).await?;
        self.hold(&containers(held)).await
    }

    /// Lets everything go on that was held for stores of one moment.
    pub(in crate::commands) async fn release_together(&self) -> anyhow::Result<()> {
        *self.together() = None;
        self.release().await
    }
}

/// Whether a container runs a database, or another program that keeps data for its clients.
fn is_data_server(container: &Container) -> bool {
    known::is_database(container) || known::is_transient(container)
}
