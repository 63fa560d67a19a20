//! A service was renamed in the file: its container stays as an orphan container with the data, and the new service
//! starts without it.

use super::super::{Hazard, HazardContext, layer_subject, orphans, volume_subject};
use crate::compose::image::Reference;
use crate::compose::model::{DeclaredSource, Service};
use crate::engine::Container;
use crate::inventory::LocationSource;
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct RenamedService;

impl Hazard for RenamedService {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let orphans = cx.containers.iter().filter(|one| !one.is_one_off() && orphans::is_orphan(cx, one));
        for old in orphans.filter(|old| !cx.probe.declared_elsewhere.contains(&old.id)) {
            let Some(new) = successor(cx, old) else { continue };
            let reason = format!(
                "service `{}` is not in the file any more; `{}`, with the same image, starts without its data",
                old.service().unwrap_or_default(),
                new.name
            );
            // Any program may have written to its container layer.
            let layer = layer_subject(old);
            let known = cx.keeps_data_in_layer(old);
            found.push(Impact { notice: !known, ..Impact::new(Effect::Orphan, layer, reason.clone()) });
            for place in cx.store_of(old).into_iter().flat_map(|store| &store.locations) {
                let subject = match &place.source {
                    LocationSource::Volume { name: Some(name), anonymous } => {
                        if mounts(cx, new, name) {
                            continue;
                        }
                        volume_subject(cx, name, *anonymous)
                    }
                    LocationSource::Bind { path } => {
                        let kept = new.mounts.iter().any(
                            |mount| matches!(&mount.source, DeclaredSource::Bind { path: bound, .. } if bound == path),
                        );
                        if kept {
                            continue;
                        }
                        Subject::Directory { path: path.display().to_string() }
                    }
                    LocationSource::Volume { name: None, .. }
                    | LocationSource::Layer
                    | LocationSource::Tmpfs => {
                        continue;
                    }
                };
                found.push(Impact {
                    notice: !cx.is_data(old, &place.target),
                    ..Impact::new(Effect::Orphan, subject, reason.clone())
                });
            }
        }
    }
}

/// The service that starts for the first time from the image of an orphan container.
fn successor<'a>(cx: &'a HazardContext<'_>, old: &Container) -> Option<&'a Service> {
    let repository = Reference::parse(&old.image).repository;
    let services = cx.file().into_iter().flat_map(|model| model.services.values());
    services.filter(|service| cx.role(&service.name).is_some() && cx.replicas(&service.name).is_empty()).find(
        |service| {
            service.image.as_deref().is_some_and(|image| Reference::parse(image).repository == repository)
        },
    )
}

fn mounts(cx: &HazardContext<'_>, service: &Service, volume: &str) -> bool {
    service.mounts.iter().any(|mount| {
        matches!(&mount.source, DeclaredSource::Named { key, .. } if cx.volume_of_key(key) == Some(volume))
    })
}
