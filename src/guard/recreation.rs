//! Which containers a command recreates, and why: Compose's own rule (`mustRecreate` of 2.40.3, measured).
//!
//! When in doubt, a container counts as recreated.

use std::collections::BTreeMap;

use super::context::{Hashes, HazardContext};
use super::scope::Role;
use super::volume_drift;
use crate::compose::grammar::Grammar;
use crate::compose::model::DeclaredSource;
use crate::compose::subcommand::GuardedCommand;
use crate::engine::Container;

/// The containers that are recreated, by id, each with the reason as the end of a sentence that begins with `it`.
pub(super) fn recreated(cx: &HazardContext<'_>) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = cx
        .containers
        .iter()
        .filter(|container| !container.is_one_off())
        .filter_map(|container| Some((container.id.clone(), by_itself(cx, container)?)))
        .collect();
    // A container that uses another one's namespace or volumes is recreated with it; one that depends on it may be.
    if !cx.reading.is_set("no-recreate") && !leaves_existing(cx) {
        while let Some((id, reason)) = by_reference(cx, &found).or_else(|| by_dependency(cx, &found)) {
            found.insert(id, reason);
        }
    }
    found
}

/// Whether the version of Compose decides if some containers are recreated.
pub(super) fn depends_on_version(cx: &HazardContext<'_>) -> bool {
    let by_version =
        |reason: &String| [WITH_DEPENDENCY, FOR_VOLUME].iter().any(|start| reason.starts_with(start));
    cx.grammar == Grammar::V2 && cx.probe.version.is_none() && recreated(cx).values().any(by_version)
}

const WITH_DEPENDENCY: &str = "is recreated with";
const FOR_VOLUME: &str = "is recreated: it does not mount volume";

/// Compose 2.26.1 recreates the services that depend on a recreated one, 2.30.3 and later do not; V1 does if the
/// dependent service is stopped (measured).
fn by_dependency(cx: &HazardContext<'_>, found: &BTreeMap<String, String>) -> Option<(String, String)> {
    let is_recreated = |service: &str| cx.replicas(service).iter().any(|one| found.contains_key(&one.id));
    let all = cx.grammar == Grammar::V2 && cx.probe.version.is_none_or(|version| version < (2, 30));
    let stopped = |one: &Container| cx.grammar == Grammar::V1 && !one.is_running();
    let others = cx.containers.iter().filter(|one| !one.is_one_off() && !found.contains_key(&one.id));
    others.filter(|one| all || stopped(one)).find_map(|one| {
        let service = cx.service(one.service()?)?;
        cx.role(&service.name)?;
        let changes = |other: &String| is_recreated(other) || (stopped(one) && cx.replicas(other).is_empty());
        let other = service.depends_on.iter().find(|other| changes(other))?;
        Some((one.id.clone(), format!("{WITH_DEPENDENCY} `{other}`, which it depends on")))
    })
}

/// Whether `up --renew-anon-volumes` recreates every container. Compose 2.26.1 leaves up-to-date ones alone; 2.30.3 and
/// later, and V1, do not (measured).
pub(super) fn renews_all(cx: &HazardContext<'_>) -> bool {
    cx.grammar == Grammar::V1 || cx.probe.version.is_none_or(|version| version > (2, 26))
}

fn by_reference(cx: &HazardContext<'_>, found: &BTreeMap<String, String>) -> Option<(String, String)> {
    let is_recreated = |service: &str| cx.replicas(service).iter().any(|one| found.contains_key(&one.id));
    cx.containers.iter().filter(|one| !one.is_one_off() && !found.contains_key(&one.id)).find_map(|one| {
        let service = cx.service(one.service()?)?;
        cx.role(&service.name)?;
        if let Some(other) = service.joins.iter().find(|other| is_recreated(other)) {
            return Some((one.id.clone(), format!("uses the container of `{other}`, which is recreated")));
        }
        let other = service.joins.iter().find(|other| cx.replicas(other).is_empty())?;
        Some((one.id.clone(), format!("uses the container of `{other}`, which is created")))
    })
}

/// Whether no existing container is recreated: `run` of V1 only starts the dependencies that are stopped, and creates those
/// that are missing (measured).
fn leaves_existing(cx: &HazardContext<'_>) -> bool {
    cx.grammar == Grammar::V1 && cx.reading.guarded() == Some(GuardedCommand::Run)
}

fn by_itself(cx: &HazardContext<'_>, container: &Container) -> Option<String> {
    let name = container.service()?;
    let role = cx.role(name)?;
    let service = cx.service(name)?;
    if let Some(volume) =
        volume_drift::recreated(cx).into_iter().find(|volume| container.mounts_volume(volume))
    {
        return Some(format!("mounts volume `{volume}`, which is recreated"));
    }
    let reading = cx.reading;
    if reading.is_set("no-recreate") || leaves_existing(cx) {
        return None;
    }
    if role == Role::Named {
        let renewing = renews_all(cx).then_some("renew-anon-volumes");
        for flag in ["force-recreate"].into_iter().chain(renewing) {
            if reading.is_set(flag) {
                return Some(format!("is recreated because of `--{flag}`"));
            }
        }
    }
    let dependencies = reading.is_set("always-recreate-deps");
    if dependencies && (role == Role::Dependency || cx.grammar == Grammar::V1) {
        return Some("is recreated because of `--always-recreate-deps`".to_owned());
    }
    by_configuration(cx, container, &service.name)
        .or_else(|| by_image(cx, container, &service.name))
        .or_else(|| by_volume(cx, container, &service.name))
}

/// V2's hash does not contain a volume's name on the engine. From 2.32 on, Compose checks whether the container mounts it;
/// 2.26.1 leaves the container alone. The hash of V1 contains the name (all measured).
fn by_volume(cx: &HazardContext<'_>, container: &Container, service: &str) -> Option<String> {
    if cx.grammar == Grammar::V1 || cx.probe.version.is_some_and(|version| version < (2, 32)) {
        return None;
    }
    let mut declared = cx.service(service)?.mounts.iter().filter_map(|mount| match &mount.source {
        DeclaredSource::Named { key, .. } => cx.volume_of_key(key),
        DeclaredSource::Anonymous
        | DeclaredSource::Bind { .. }
        | DeclaredSource::Tmpfs
        | DeclaredSource::Other => None,
    });
    let missing = declared.find(|name| !container.mounts_volume(name))?;
    Some(format!("{FOR_VOLUME} `{missing}` yet"))
}

fn by_configuration(cx: &HazardContext<'_>, container: &Container, service: &str) -> Option<String> {
    match &cx.probe.hashes {
        Hashes::NotAsked => None,
        Hashes::Unknown => {
            Some("may be recreated: Compose did not report whether its configuration has changed".to_owned())
        }
        Hashes::Known(hashes) => match (hashes.get(service), container.config_hash()) {
            (Some(now), Some(then)) if now == then => None,
            (Some(_), Some(_)) => Some("is recreated: its configuration has changed".to_owned()),
            (None, _) | (_, None) => {
                Some("may be recreated: its configuration cannot be compared".to_owned())
            }
        },
    }
}

fn by_image(cx: &HazardContext<'_>, container: &Container, service: &str) -> Option<String> {
    let service = cx.service(service)?;
    let reading = cx.reading;
    let rebuilds = service.built && !reading.is_set("no-build");
    let policy = service.pull_policy.as_deref().unwrap_or_default();
    if rebuilds && (reading.is_set("build") || policy == "build") {
        return Some("is recreated if the new build of its image differs".to_owned());
    }
    let pulled = reading.value("pull").is_some_and(|when| when == "always")
        || ["always", "daily", "weekly", "refresh"].contains(&policy)
        || policy.starts_with("every_");
    if pulled {
        return Some("is recreated if the registry has another image".to_owned());
    }
    let then = container.created_from_image()?;
    match cx.probe.images.get(&container.image)? {
        Some(image) if image.id == then => None,
        Some(_) => Some("is recreated: its image has changed".to_owned()),
        None => Some("may be recreated: its image is missing and will be pulled again".to_owned()),
    }
}
