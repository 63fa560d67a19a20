//! Where the data is in the new container: it has to be the same volume or directory as now.

use std::path::Path;

use super::refuse::refuse;
use crate::backup::driver::evidence;
use crate::commands::context::ProjectContext;
use crate::compose::model::Service;
use crate::error::Failure;
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind, declared_locations};

/// The place that has the data of PostgreSQL, in the new container. It has to be the same place as now.
pub(super) fn same_place(
    cx: &ProjectContext<'_>,
    store: &Store,
    service: &Service,
    (former, new): (&Path, &Path),
) -> Result<DataLocation, Failure> {
    let name = &store.service;
    let declared = declared_locations(service, StoreKind::Volume, cx.project.whole_model());
    let Some(next) = containing(&declared, new) else {
        let mounted = containing(&store.locations, former).map(|place| place.target.display().to_string());
        let mount_at = match new.strip_prefix("/var/lib/postgresql") {
            Ok(_) => "/var/lib/postgresql".to_owned(),
            Err(_) => new.display().to_string(),
        };
        return Err(refuse(format!(
            "the new image of `{name}` keeps its data at `{}`, where nothing is mounted",
            new.display()
        ))
        .say(format!(
            "In the Compose file, mount the volume at `{mount_at}`{}. `upgrade` puts the new data where the image expects it.",
            mounted.map_or_else(String::new, |at| format!(" instead of `{at}`"))
        )));
    };
    let Some(now) = containing(&store.locations, former) else {
        return Err(refuse(format!("the data of `{name}` at `{}` is not in a volume", former.display())));
    };
    ensure_same(cx, store, now, next)
}

/// The only place of a server that is opened as it is.
pub(super) fn same_mount(
    cx: &ProjectContext<'_>,
    store: &Store,
    service: &Service,
) -> Result<DataLocation, Failure> {
    let places: Vec<&DataLocation> = evidence::data_locations(store).collect();
    let [now] = places.as_slice() else {
        return Err(refuse(format!("`{}` has its data in several places, or in none", store.service)));
    };
    let declared = declared_locations(service, store.kind, cx.project.whole_model());
    let next = declared.iter().find(|place| place.target == now.target);
    let Some(next) = next else {
        return Err(refuse(format!(
            "in the Compose file, nothing is mounted at `{}`, where `{}` has its data",
            now.target.display(),
            store.service
        )));
    };
    ensure_same(cx, store, now, next)
}

fn ensure_same(
    cx: &ProjectContext<'_>,
    store: &Store,
    now: &DataLocation,
    next: &DataLocation,
) -> Result<DataLocation, Failure> {
    let name = &store.service;
    let is_inherited = matches!(
        (&now.source, &next.source),
        (
            LocationSource::Volume { name: Some(_), anonymous: true },
            LocationSource::Volume { name: None, .. }
        )
    ) && now.target == next.target;
    match &now.source {
        LocationSource::Layer | LocationSource::Tmpfs => {
            return Err(refuse(format!(
                "the data of `{name}` is in {}, which does not outlive its container",
                now.source
            ))
            .say("Mount a volume at its path, and move the data there."));
        }
        LocationSource::Volume { .. } | LocationSource::Bind { .. } => {}
    }
    let is_named = matches!(now.source, LocationSource::Volume { name: Some(_), anonymous: false });
    if is_inherited || (now.source == next.source && (now.target == next.target || is_named)) {
        return Ok(DataLocation { source: now.source.clone(), ..next.clone() });
    }
    Err(refuse(format!(
        "the data of `{name}` is in {}, and in the Compose file it is in {}",
        now.source, next.source
    ))
    .say("`upgrade` converts the data in its place. Name that place in the Compose file, or start the service with the new one and restore a backup into it.")
    .run("To list the backups", cx.suggest().backups()))
}

/// The place that has a path, the innermost if there are several.
fn containing<'a>(places: &'a [DataLocation], path: &Path) -> Option<&'a DataLocation> {
    let around = places.iter().filter(|place| path.starts_with(&place.target));
    around.max_by_key(|place| place.target.components().count())
}
