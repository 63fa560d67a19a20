//! The configuration hashes that Compose would compare with the labels of the containers.

use std::collections::BTreeMap;

use crate::commands::context::{CommandContext, ProjectContext};
use crate::compose::grammar::Grammar;
use crate::compose::model::Model;
use crate::compose::project;
use crate::engine::Container;
use crate::guard::Hashes;

/// The hashes of the services. Compose prints those of the file as it is written, and is asked a second time only if one
/// differs from its container, or cannot be compared.
pub(super) async fn ask(cx: &ProjectContext<'_>) -> Hashes {
    let model = cx.project.whole_model().filter(|_| cx.command.grammar == Grammar::V2);
    let refers = |service: &&str| {
        let service = model.and_then(|model| model.services.get(*service));
        service.is_some_and(|service| service.unresolved.refers_to_services())
    };
    let updated = updated(cx);
    if !updated.iter().any(|(service, _)| refers(service)) {
        let Some(written) = written(cx.command).await else { return Hashes::Unknown };
        let is_current = |(service, container): &(&str, &Container)| {
            container.config_hash().is_some_and(|hash| written.get(*service).is_some_and(|now| now == hash))
        };
        if model.is_none() || updated.iter().all(is_current) {
            return Hashes::Known(written);
        }
        let resolved = resolved(cx, model).await;
        return Hashes::Known(resolved.unwrap_or(written));
    }
    if let Some(resolved) = resolved(cx, model).await {
        return Hashes::Known(resolved);
    }
    let Some(mut written) = written(cx.command).await else { return Hashes::Unknown };
    written.retain(|service, _| !refers(&service.as_str()));
    Hashes::Known(written)
}

/// The containers that the command may recreate, with their services.
fn updated<'c>(cx: &'c ProjectContext<'_>) -> Vec<(&'c str, &'c Container)> {
    let scope = cx.scope();
    let containers = cx.containers.iter().filter(|container| !container.is_one_off());
    let with_service = containers.filter_map(|container| Some((container.service()?, container)));
    with_service.filter(|(service, _)| scope.role(service).is_some()).collect()
}

async fn written(command: &CommandContext) -> Option<BTreeMap<String, String>> {
    let (binary, reading, stdin) = (command.binary.clone(), command.reading.clone(), command.stdin.clone());
    let asking = tokio::task::spawn_blocking(move || project::hashes(&binary, &reading, stdin.as_deref()));
    asking.await.ok().flatten()
}

async fn resolved(cx: &ProjectContext<'_>, model: Option<&Model>) -> Option<BTreeMap<String, String>> {
    let model = model?.clone();
    let ids = referred(cx, &model);
    let (binary, reading, env) =
        (cx.command.binary.clone(), cx.command.reading.clone(), cx.command.env.clone());
    let asking =
        tokio::task::spawn_blocking(move || project::resolved_hashes(&binary, &reading, &env, &model, &ids));
    asking.await.ok().flatten()
}

/// The container that a reference to each service means: the first by name. Where the command changes the number of
/// containers, that may be another one afterwards.
fn referred(cx: &ProjectContext<'_>, model: &Model) -> BTreeMap<String, String> {
    let scales = cx.command.reading.value("scale").is_some() || cx.command.reading.name() == "scale";
    let mut found = BTreeMap::new();
    for service in model.services.values() {
        let own = |one: &&Container| !one.is_one_off() && one.service() == Some(&service.name);
        let containers: Vec<&Container> = cx.containers.iter().filter(own).collect();
        let stays = match containers.as_slice() {
            [_] => !scales && service.replicas > 0,
            several => {
                !scales && usize::try_from(service.replicas).is_ok_and(|wanted| wanted == several.len())
            }
        };
        if stays && let Some(first) = containers.iter().min_by_key(|one| &one.name) {
            found.insert(service.name.clone(), first.id.clone());
        }
    }
    found
}
