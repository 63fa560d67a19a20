//! Services whose data belongs together (`backup.together`): it is backed up while none of them writes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::clusters::Group;
use super::context::ProjectContext;
use super::format;
use super::quiesce::Quiescer;
use super::quiesce::together::MomentMember;
use crate::backup::driver::volume;
use crate::backup::set::SetMoment;
use crate::backup::store::Verified;
use crate::engine::{Container, own_container};
use crate::inventory::{Store, StoreKind};
use crate::progress::Silent;

/// Stores that are backed up one after the other.
pub(super) struct StoreBatch {
    pub(super) groups: Vec<Group>,
    /// The services of the settings' group that has the stores. They are kept from writing until all are backed up.
    pub(super) services: Vec<String>,
}

impl StoreBatch {
    /// Whether its stores are backed up at one moment.
    pub(super) fn is_together(&self) -> bool {
        !self.services.is_empty()
    }

    /// The names of its services that have data, for people.
    fn names(&self) -> String {
        names(self.groups.iter().map(|group| &group.lead))
    }
}

/// Divides stores, of which `is_first` come first, into those of one moment and the others. A store whose group has no other
/// store to back up has no other moment to be compared with.
pub(super) fn batches(
    together: &[Vec<String>],
    groups: Vec<Group>,
    is_first: impl Fn(&Store) -> bool,
) -> Vec<StoreBatch> {
    let mut rest = groups;
    let mut found = Vec::new();
    for services in together {
        let is_of = |group: &Group| group.members.iter().any(|store| services.contains(&store.service));
        if rest.iter().filter(|group| is_of(group)).count() < 2 {
            continue;
        }
        let (groups, others) = rest.into_iter().partition(is_of);
        rest = others;
        found.push(StoreBatch { groups, services: services.clone() });
    }
    let (first, last) = rest.into_iter().partition(|group: &Group| is_first(&group.lead));
    let alone = |groups| StoreBatch { groups, services: Vec::new() };
    [alone(first)]
        .into_iter()
        .chain(found)
        .chain([alone(last)])
        .filter(|one| !one.groups.is_empty())
        .collect()
}

/// The names of the services that would be held, one text for each group of which several stores are backed up.
pub(super) fn announced(together: &[Vec<String>], stores: &[Store]) -> Vec<String> {
    let is_held =
        |services: &&Vec<String>| stores.iter().filter(|store| services.contains(&store.service)).count() > 1;
    let list = |services: &Vec<String>| {
        format::list(&services.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
    };
    together.iter().filter(is_held).map(list).collect()
}

/// Keeps the services of a batch from writing until [`end`]. Returns since when all of them are.
pub(super) async fn begin(
    cx: &ProjectContext<'_>,
    quiescer: &Quiescer<'_>,
    batch: &mut StoreBatch,
) -> anyhow::Result<Timestamp> {
    let mut members = members(cx, batch).await?;
    let paused: Vec<String> = members
        .iter()
        .filter(|member| !member.is_dumped && quiescer.pauses_client(member))
        .map(|member| format!("`{}`", member.container.name))
        .collect();
    let is_dumped = |group: &&mut Group| matches!(group.lead.kind, StoreKind::Sql(_));
    let mut copied = Vec::new();
    if !paused.is_empty() {
        for group in batch.groups.iter_mut().filter(is_dumped) {
            group.lead.kind = StoreKind::Volume;
            copied.push(format!("`{}`", group.lead.service));
        }
    }
    if !copied.is_empty() {
        cx.ui().say(format!(
            "the files of {} are copied: a dump could wait for a lock that {} holds while paused.",
            format::list(&copied),
            format::list(&paused)
        ));
        members = self::members(cx, batch).await?;
    }
    quiescer.hold_together(&members, &batch.names()).await?;
    Ok(Timestamp::now())
}

/// The containers that may write to the data of a batch: those of its services, and whatever else has the files mounted.
async fn members(cx: &ProjectContext<'_>, batch: &StoreBatch) -> anyhow::Result<Vec<MomentMember>> {
    let is_of_group =
        |one: &Container| one.service().is_some_and(|name| batch.services.iter().any(|own| own == name));
    let mut containers = cx.engine.project_containers(&cx.project.name).await?;
    containers.retain(|one| one.is_running() && is_of_group(one));
    let group_ids: BTreeSet<String> = containers.iter().map(|one| one.id.clone()).collect();
    let mut dumped = BTreeSet::new();
    for group in &batch.groups {
        if group.lead.kind == StoreKind::Volume {
            for container in volume::writers(cx.target(&group.lead, &Silent)).await? {
                if containers.iter().all(|known| known.id != container.id) {
                    containers.push(container);
                }
            }
        } else {
            let nodes = cx.inventory.stores.iter().filter(|store| group.nodes.contains(&store.id));
            let servers = nodes.chain(&group.members).filter_map(|store| store.container.as_ref());
            dumped.extend(servers.map(|container| container.id.clone()));
        }
    }
    containers.retain(|one| own_container() != Some(one.id.as_str()));
    let mut members = Vec::new();
    for container in containers {
        members.push(MomentMember {
            is_of_group: group_ids.contains(&container.id),
            is_dumped: dumped.contains(&container.id),
            has_replaced_mount: cx
                .engine
                .replaced_mounts(&container)
                .await
                .is_ok_and(|replaced| !replaced.is_empty()),
            container,
        });
    }
    Ok(members)
}

/// Looks whether the backups are of one moment, lets everything go on, and says so. `made` are the backups of a batch; its
/// moment is `None` where something may have written, or a backup is missing.
pub(super) async fn end(
    cx: &ProjectContext<'_>,
    quiescer: &Quiescer<'_>,
    since: Timestamp,
    (expected, made): (usize, &[(Group, Verified)]),
) -> anyhow::Result<Option<SetMoment>> {
    let mut written = Vec::new();
    for (group, backup) in made {
        if !is_still(cx, group, backup).await {
            written.push(format!("`{}`", group.lead.service));
        }
    }
    let until = Timestamp::now();
    quiescer.release_together().await?;
    if made.len() < expected {
        return Ok(None);
    }
    let names = names(made.iter().map(|(group, _)| &group.lead));
    if written.is_empty() {
        cx.ui().good(format!("the backups of {names} are of one moment."));
        let mut stores: Vec<String> = made.iter().map(|(group, _)| group.lead.id.clone()).collect();
        stores.sort();
        return Ok(Some(SetMoment { stores, since, until }));
    }
    cx.ui().warn(format!(
        "the backups of {names} may be of different moments: it is not proven that nothing wrote to {} meanwhile.",
        format::list(&written)
    ));
    Ok(None)
}

/// Whether a store still has what its backup has: nothing could write to files, and a server says so.
async fn is_still(cx: &ProjectContext<'_>, group: &Group, backup: &Verified) -> bool {
    let manifest = &backup.manifest;
    if manifest.kind == StoreKind::Volume {
        return manifest.consistency.is_sound();
    }
    let target = cx.target(&group.lead, &Silent);
    let proven = manifest.kind.driver().is_unchanged_since(target, backup).await;
    proven.unwrap_or_else(|error| {
        let error = format!("{error:#}");
        tracing::debug!(service = group.lead.service, error, "not proven to be of one moment");
        false
    })
}

fn names<'a>(stores: impl Iterator<Item = &'a Store>) -> String {
    let services: BTreeSet<String> = stores.map(|store| format!("`{}`", store.service)).collect();
    format::list(&services.into_iter().collect::<Vec<_>>())
}
