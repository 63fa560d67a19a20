//! `cp` overwrites files without asking, and `watch` synchronizes a path of the host into the container, deletions
//! included.

use std::path::{Component, Path, PathBuf};

use super::super::{Hazard, HazardContext, layer_subject, volume_subject};
use crate::compose::invocation::Reading;
use crate::compose::model::{Service, WatchAction, WatchRule};
use crate::engine::{Container, MountSource};
use crate::inventory::Store;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct OverwrittenPath;

impl Hazard for OverwrittenPath {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        copied(cx, found);
        synced(cx, found);
    }
}

fn copied(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    let Some((service, written)) = copy_target(cx.reading) else { return };
    for container in cx.containers.iter().filter(|container| container.service() == Some(service)) {
        let path = cx.probe.copy_targets.get(&container.id).unwrap_or(&written);
        let reason = format!("`cp` overwrites what is at `{}` without asking", path.display());
        overwritten(cx, container, path, cx.probe.copies_directory, &reason, found);
    }
}

/// The service and the path that `cp` writes to, as typed.
pub(in super::super) fn copy_target(reading: &Reading) -> Option<(&str, PathBuf)> {
    reading.copies().and_then(|(_, to)| destination(to))
}

/// `service:/path`; with a slash before the colon it is a path of the host.
fn destination(word: &str) -> Option<(&str, PathBuf)> {
    let (service, path) = word.split_once(':')?;
    let is_service = !service.is_empty() && !service.contains('/') && !service.starts_with('.');
    is_service.then(|| (service, normalize(path)))
}

/// An absolute path without `.` and `..`; a relative one starts at the root (measured: so does `cp`).
fn normalize(path: &str) -> PathBuf {
    Path::new(path).components().fold(PathBuf::from("/"), |mut path, part| {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
        path
    })
}

fn synced(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    for (service, rule) in watch_rules(cx) {
        let Some(target) = rule.target.as_ref().filter(|_| rule.action == WatchAction::Sync) else {
            continue;
        };
        let reason = format!(
            "`{}` synchronizes `{}` with `{}` of this machine: it overwrites and deletes files",
            cx.command(),
            target.display(),
            rule.path.display()
        );
        for container in cx.replicas(&service.name) {
            overwritten(cx, container, target, true, &reason, found);
        }
    }
}

/// The `develop.watch` rules that the command applies.
pub(super) fn watch_rules<'a>(cx: &HazardContext<'a>) -> Vec<(&'a Service, &'a WatchRule)> {
    let scope = cx.scope();
    cx.file()
        .into_iter()
        .flat_map(|model| model.services.values())
        .filter(|service| scope.watches(&service.name))
        .flat_map(|service| service.watch.iter().map(move |rule| (service, rule)))
        .collect()
}

/// Adds every data mount that is below a path or contains it. A single file written above a mount does not reach into
/// it.
fn overwritten(
    cx: &HazardContext<'_>,
    container: &Container,
    path: &Path,
    directory: bool,
    reason: &str,
    found: &mut Vec<Impact>,
) {
    let touches = |place: &Path| path.starts_with(place) || (directory && place.starts_with(path));
    for mount in container.mounts.iter().filter(|mount| !mount.read_only) {
        // A path inside a nested mount belongs to that mount.
        let nearest = container.mount_of(path).is_none_or(|nearest| nearest.destination == mount.destination);
        if !touches(&mount.destination) || (path.starts_with(&mount.destination) && !nearest) {
            continue;
        }
        let subject = match &mount.source {
            MountSource::Volume { name, anonymous, .. } => volume_subject(cx, name, *anonymous),
            MountSource::Bind { path } => Subject::Directory { path: path.display().to_string() },
            MountSource::Tmpfs | MountSource::Other => continue,
        };
        let known = cx.is_data(container, &mount.destination);
        found.push(Impact { notice: !known, ..Impact::new(Effect::Destroy, subject, reason) });
    }
    let in_layer = container.mount_of(path).is_none() && cx.keeps_data_in_layer(container);
    let data = cx.store_of(container).map(Store::data_paths).unwrap_or_default();
    if in_layer && data.iter().any(|data| touches(data)) {
        found.push(Impact::new(Effect::Destroy, layer_subject(container), reason));
    }
}
