//! The directory behind a bind mount was replaced while its container runs. The container keeps the old one until it
//! stops; the next one gets what the path leads to then.

use std::collections::BTreeMap;

use super::super::{Hazard, HazardContext, recreation};
use crate::engine::ReplacedMount;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct ReplacedDirectory;

impl Hazard for ReplacedDirectory {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if cx.probe.replaced_mounts.is_empty() {
            return;
        }
        let causes = causes(cx);
        for container in cx.containers {
            let Some(cause) = causes.get(container.id.as_str()) else { continue };
            for mount in cx.probe.replaced_mounts.get(&container.id).into_iter().flatten() {
                let known = cx.is_data(container, &mount.destination);
                let effect = if mount.deleted { Effect::Destroy } else { Effect::Orphan };
                let subject = Subject::Directory { path: mount.path.display().to_string() };
                found.push(Impact { notice: !known, ..Impact::new(effect, subject, reason(mount, cause)) });
            }
        }
    }
}

/// Why a running container stops, by its id.
fn causes<'a>(cx: &HazardContext<'a>) -> BTreeMap<&'a str, String> {
    let mut causes = BTreeMap::new();
    if cx.reading.stop_mode().is_some() {
        let cause = format!("`{}` stops the container", cx.command());
        causes.extend(cx.scope().containers().map(|container| (container.id.as_str(), cause.clone())));
    }
    let recreated = recreation::recreated(cx);
    for container in cx.containers {
        if let Some(reason) = recreated.get(&container.id) {
            causes.insert(container.id.as_str(), format!("it {reason}"));
        } else if super::super::orphans::removes(cx) && super::super::orphans::is_orphan(cx, container) {
            causes.insert(container.id.as_str(), format!("`{}` removes the orphan container", cx.command()));
        }
    }
    causes
}

fn reason(mount: &ReplacedMount, cause: &str) -> String {
    let destination = mount.destination.display();
    if mount.deleted {
        format!(
            "this directory was deleted while the container runs, and only the container still has its files, at \
             `{destination}`; {cause}"
        )
    } else {
        format!(
            "this path leads to another directory than the one that the running container has at `{destination}`, so the \
             next container starts without that data; {cause}"
        )
    }
}
