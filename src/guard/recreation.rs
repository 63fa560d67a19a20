//! Which containers a command makes anew, and why: Compose's own rule (`mustRecreate` of 2.40.3, measured).
//!
//! What cannot be told counts as made anew.

use std::collections::BTreeMap;

use super::context::{Hashes, HazardContext, Role};
use super::volume_drift;
use crate::compose::grammar::Grammar;
use crate::compose::model::DeclaredSource;
use crate::engine::Container;

/// The containers that are made anew, by id, each with the reason as the end of a sentence that begins with `it`.
pub(super) fn recreated(cx: &HazardContext<'_>) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = cx
        .containers
        .iter()
        .filter(|container| !container.is_one_off())
        .filter_map(|container| Some((container.id.clone(), by_itself(cx, container)?)))
        .collect();
    // Who shares the namespace of a container that goes, goes with it; so may who depends on it.
    if !cx.reading.is_set("no-recreate") {
        while let Some((id, reason)) = joined(cx, &found).or_else(|| following(cx, &found)) {
            found.insert(id, reason);
        }
    }
    found
}

/// Whether only the version of Compose tells if some containers are made anew.
pub(super) fn depends_on_version(cx: &HazardContext<'_>) -> bool {
    cx.grammar == Grammar::V2
        && cx.probe.version.is_none()
        && recreated(cx).values().any(|reason| reason.starts_with(FOLLOWS))
}

const FOLLOWS: &str = "is made anew with";

/// Compose 2.26.1 makes anew whoever depends on a container that it makes anew, 2.30.3 and later ones do not; V1 does
/// where the dependent is stopped (measured).
fn following(cx: &HazardContext<'_>, found: &BTreeMap<String, String>) -> Option<(String, String)> {
    let gone = |service: &str| cx.replicas(service).iter().any(|one| found.contains_key(&one.id));
    let all = cx.grammar == Grammar::V2 && cx.probe.version.is_none_or(|version| version < (2, 30));
    let stopped = |one: &Container| cx.grammar == Grammar::V1 && !one.is_running();
    let others = cx.containers.iter().filter(|one| !one.is_one_off() && !found.contains_key(&one.id));
    others.filter(|one| all || stopped(one)).find_map(|one| {
        let service = cx.service(one.service()?)?;
        cx.role(&service.name)?;
        let made = |other: &String| gone(other) || (stopped(one) && cx.replicas(other).is_empty());
        let other = service.depends_on.iter().find(|other| made(other))?;
        Some((one.id.clone(), format!("{FOLLOWS} `{other}`, which it depends on")))
    })
}

/// Whether `up --renew-anon-volumes` makes every container anew. Compose 2.26.1 leaves alone what is up to date; 2.30.3
/// and later ones, and V1, do not (measured).
pub(super) fn renews_all(cx: &HazardContext<'_>) -> bool {
    cx.grammar == Grammar::V1 || cx.probe.version.is_none_or(|version| version > (2, 26))
}

fn joined(cx: &HazardContext<'_>, found: &BTreeMap<String, String>) -> Option<(String, String)> {
    let gone = |service: &str| cx.replicas(service).iter().any(|one| found.contains_key(&one.id));
    cx.containers.iter().filter(|one| !one.is_one_off() && !found.contains_key(&one.id)).find_map(|one| {
        let service = cx.service(one.service()?)?;
        cx.role(&service.name)?;
        let other = service.joins.iter().find(|other| gone(other))?;
        Some((one.id.clone(), format!("shares what `{other}` has, which is made anew")))
    })
}

fn by_itself(cx: &HazardContext<'_>, container: &Container) -> Option<String> {
    let name = container.service()?;
    let role = cx.role(name)?;
    let service = cx.service(name)?;
    if let Some(volume) =
        volume_drift::recreated(cx).into_iter().find(|volume| container.mounts_volume(volume))
    {
        return Some(format!("mounts volume `{volume}`, which is made anew"));
    }
    let reading = cx.reading;
    if reading.is_set("no-recreate") {
        return None;
    }
    if role == Role::Named {
        let renewing = renews_all(cx).then_some("renew-anon-volumes");
        for flag in ["force-recreate"].into_iter().chain(renewing) {
            if reading.is_set(flag) {
                return Some(format!("is made anew by `--{flag}`"));
            }
        }
    }
    let dependencies = reading.is_set("always-recreate-deps");
    if dependencies && (role == Role::Dependency || cx.grammar == Grammar::V1) {
        return Some("is made anew by `--always-recreate-deps`".to_owned());
    }
    by_configuration(cx, container, &service.name)
        .or_else(|| by_image(cx, container, &service.name))
        .or_else(|| by_volume(cx, container, &service.name))
}

/// A volume's real name is no part of the hash; Compose looks whether the container mounts it.
fn by_volume(cx: &HazardContext<'_>, container: &Container, service: &str) -> Option<String> {
    let mut declared = cx.service(service)?.mounts.iter().filter_map(|mount| match &mount.source {
        DeclaredSource::Named { key, .. } => cx.volume_of_key(key),
        DeclaredSource::Anonymous
        | DeclaredSource::Bind { .. }
        | DeclaredSource::Tmpfs
        | DeclaredSource::Other => None,
    });
    let missing = declared.find(|name| !container.mounts_volume(name))?;
    Some(format!("is made anew: it does not mount volume `{missing}` yet"))
}

fn by_configuration(cx: &HazardContext<'_>, container: &Container, service: &str) -> Option<String> {
    match &cx.probe.hashes {
        Hashes::NotAsked => None,
        Hashes::Unknown => {
            Some("may be made anew: Compose does not say whether its configuration changed".to_owned())
        }
        Hashes::Known(hashes) => match (hashes.get(service), container.config_hash()) {
            (Some(now), Some(then)) if now == then => None,
            (Some(_), Some(_)) => Some("is made anew: its configuration has changed".to_owned()),
            (None, _) | (_, None) => {
                Some("may be made anew: its configuration cannot be compared".to_owned())
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
        return Some("is made anew if its image is built differently".to_owned());
    }
    let pulled = reading.value("pull").is_some_and(|when| when == "always")
        || ["always", "daily", "weekly", "refresh"].contains(&policy)
        || policy.starts_with("every_");
    if pulled {
        return Some("is made anew if its image was changed in the registry".to_owned());
    }
    let then = container.created_from_image()?;
    match cx.probe.images.get(&container.image)? {
        Some(image) if image.id == then => None,
        Some(_) => Some("is made anew: its image has changed".to_owned()),
        None => {
            Some("may be made anew: its image is not here any more, and another will be fetched".to_owned())
        }
    }
}
