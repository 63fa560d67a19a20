//! Compares the version of the data with the image that is about to open it.

use futures_util::future::join_all;

use super::baselines;
use super::context::ProjectContext;
use crate::backup::driver::evidence;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::store::Backup;
use crate::compose::actions::MountOrigin;
use crate::compose::image::Reference;
use crate::compose::model::Service;
use crate::engine::{Container, ContainerState, Image};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::version::{self, ServerProgram, ServerVersion, VersionChange};
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind, declared_locations, known};
use crate::preflight::{CheckFinding, CheckSeverity};
use crate::progress::Silent;

/// A server of another version than the one that wrote its data.
#[derive(Debug)]
pub(super) struct VersionStep {
    /// With the places that the server will have its data in, and the container that has them now.
    pub(super) store: Store,
    data: ServerVersion,
    server: ServerVersion,
    image: String,
    change: VersionChange,
}

impl VersionStep {
    /// Whether the server converts the data, which has to be backed up before.
    pub(super) fn converts(&self) -> bool {
        self.change == VersionChange::Converts
    }

    fn finding(&self, cx: &ProjectContext<'_>) -> CheckFinding {
        let Self { store, data, server, image, change } = self;
        let (severity, what, why) = match change {
            VersionChange::Impossible(reason) => (
                CheckSeverity::Stop,
                format!("its data is of {data}, and `{image}` is {server}"),
                format!("{reason}. {}", advice(cx, &store.service, data, server)),
            ),
            VersionChange::Converts | VersionChange::None => {
                let backed_up =
                    if is_backed_up(cx, store) { "it is backed up first" } else { "it is not backed up" };
                (
                    CheckSeverity::Warn,
                    format!(
                        "its data is of {data}, and `{image}` is {server}, which converts it at its start"
                    ),
                    format!("the former version may not open it any more; {backed_up}"),
                )
            }
        };
        CheckFinding { severity, service: store.service.clone(), what, why, repair: None, suggest: None }
    }
}

/// Whether the data of a store is backed up before it is converted.
pub(super) fn is_backed_up(cx: &ProjectContext<'_>, store: &Store) -> bool {
    let is_disposable = cx.settings.services.get(&store.service).is_some_and(|service| service.disposable);
    !is_disposable && !cx.is_disposable() && !cx.command.safe.skip_backup
}

pub(super) fn findings(cx: &ProjectContext<'_>, steps: &[VersionStep]) -> Vec<CheckFinding> {
    let mut findings = Vec::new();
    for finding in steps.iter().map(|step| step.finding(cx)) {
        // Replicas share their image.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// What to do where a server does not open the data.
pub(super) fn advice(
    cx: &ProjectContext<'_>,
    service: &str,
    data: &ServerVersion,
    server: &ServerVersion,
) -> String {
    let suggest = cx.suggest();
    let name = server.program.name();
    let back = format!("set the image of `{service}` back to {data}");
    if data.program != server.program || server.numbers < data.numbers {
        return format!(
            "To use the data, {back}. To go back to {server}, restore a backup that was made with it"
        );
    }
    match server.program {
        ServerProgram::PostgreSql => {
            format!("To upgrade the data, run `{}`", suggest.upgrade(service))
        }
        ServerProgram::Qdrant if data.numbers.first() == server.numbers.first() => {
            format!("To upgrade the data one version at a time, run `{}`", suggest.upgrade(service))
        }
        ServerProgram::Qdrant | ServerProgram::MongoDb => format!(
            "Upgrade one version at a time: {}. Start the service with each of them",
            steps(data, server).join(", then ")
        ),
        ServerProgram::MySql | ServerProgram::MariaDb | ServerProgram::Redis | ServerProgram::Valkey => {
            format!(
                "Set the image of `{service}` to a version of {name} in between, start it, and then go on"
            )
        }
    }
}

/// The versions on the way, the last one included.
pub(super) fn steps(data: &ServerVersion, server: &ServerVersion) -> Vec<String> {
    let number = |version: &ServerVersion, at: usize| version.numbers.get(at).copied().unwrap_or(0);
    match server.program {
        ServerProgram::Qdrant if number(data, 0) == number(server, 0) => (number(data, 1) + 1
            ..=number(server, 1))
            .map(|minor| format!("{}.{minor}", number(server, 0)))
            .collect(),
        _ => (number(data, 0) + 1..=number(server, 0)).map(|major| format!("{major}")).collect(),
    }
}

/// The services whose next server has another version than their data. Nothing is said of what cannot be found out, and nothing
/// is read for what runs already.
pub(super) async fn steps_of_start(cx: &ProjectContext<'_>) -> Vec<VersionStep> {
    let reading = &cx.command.reading;
    if !reading.starts_services() {
        return Vec::new();
    }
    let started = cx.scope().started();
    let is_started = |store: &&Store| match &started {
        Some(services) => services.contains(&store.service),
        None => cx.project.model.as_ref().is_none_or(|model| model.services.contains_key(&store.service)),
    };
    // `run` with a command starts another program in the image.
    let runs_other = |store: &&Store| {
        reading.runs_program()
            && !reading.runs_service_itself()
            && reading.named_services() == [store.service.as_str()]
    };
    let stores = cx.inventory.stores.iter().filter(is_started).filter(|store| !runs_other(store));
    join_all(stores.map(|store| step(cx, store))).await.into_iter().flatten().collect()
}

/// The versions of the data that a service has and of the server that the file gives it.
pub(super) struct ServiceVersions {
    pub(super) data: ServerVersion,
    pub(super) server: ServerVersion,
    /// The image in the file.
    pub(super) reference: String,
    pub(super) image: Option<Image>,
    pub(super) change: VersionChange,
}

/// What the data of a store is of, and the image that the file names. `None` for what is not known.
pub(super) async fn of_service(
    cx: &ProjectContext<'_>,
    store: &Store,
    service: &Service,
    reference: &str,
) -> Result<(Option<ServerVersion>, Option<ServiceVersions>), Failure> {
    let image = cx.engine.image(reference).await.map_err(super::context::no_engine)?;
    let server = version::of_image(reference, image.as_ref());
    let seen = if store.container.is_some() {
        evidence::look(cx.target(store, &Silent)).await.ok().and_then(|seen| seen.version)
    } else {
        let files = version::files_of_service(service, image.as_ref());
        evidence::version_of_next_container(cx.target(store, &Silent), &files).await.ok().flatten()
    };
    let data = match seen {
        Some(seen) => Some(seen),
        None => last_server(cx, store).await,
    };
    let (Some(data), Some(server)) = (data.clone(), server) else { return Ok((data, None)) };
    let change = match version::change(&data, &server) {
        VersionChange::Impossible(_) if upgrades_by_itself(reference) && server.numbers > data.numbers => {
            VersionChange::Converts
        }
        change => change,
    };
    let reference = reference.to_owned();
    Ok((Some(data.clone()), Some(ServiceVersions { data, server, reference, image, change })))
}

/// The image that a service starts next.
struct NextServer {
    reference: String,
    image: Option<Image>,
    /// The service in the file, if a container is created from it.
    declared: Option<Service>,
}

async fn next_server(cx: &ProjectContext<'_>, store: &Store) -> Option<NextServer> {
    let reading = &cx.command.reading;
    let keeps_container = reading.mount_origin() == MountOrigin::Containers || reading.is_set("no-recreate");
    if let Some(container) = store.container.as_ref().filter(|_| keeps_container) {
        let image = cx.engine.image(&container.image_id).await.ok()?;
        return Some(NextServer { reference: container.image.clone(), image, declared: None });
    }
    let service = cx.project.model.as_ref()?.services.get(&store.service)?;
    let is_served = service
        .image
        .as_deref()
        .and_then(known::program)
        .is_none_or(|program| program.is_served_by(&service.command));
    let reference = service.image.clone().or_else(|| store.image.clone()).filter(|_| is_served)?;
    let image = cx.engine.image(&reference).await.ok()?;
    Some(NextServer { reference, image, declared: Some(service.clone()) })
}

async fn step(cx: &ProjectContext<'_>, store: &Store) -> Option<VersionStep> {
    let next = next_server(cx, store).await?;
    let store = with_next_places(cx, store, next.declared.as_ref());
    let container = store.container.as_ref();
    let is_running = container.is_some_and(|container| {
        let is_same = next.image.as_ref().is_none_or(|image| image.id == container.image_id);
        is_same && matches!(container.state, ContainerState::Running | ContainerState::Paused)
    });
    if is_running {
        return None;
    }
    let server = version::of_image(&next.reference, next.image.as_ref())?;
    let files = match (&next.declared, container) {
        (Some(service), _) => version::files_of_service(service, next.image.as_ref()),
        (None, Some(container)) => version::files_of_container(container),
        (None, None) => return None,
    };
    let last = last_server(cx, &store).await;
    let is_as_recorded = |last: &ServerVersion| version::change(last, &server) == VersionChange::None;
    let written =
        if container.is_none() && !is_readable(cx, &store) && last.as_ref().is_some_and(is_as_recorded) {
            // A container only to read the version would delay every start.
            None
        } else {
            let read = evidence::version_of_next_container(cx.target(&store, &Silent), &files).await;
            read.unwrap_or_else(|error| {
                let error = format!("{error:#}");
                tracing::debug!(service = store.service, error, "the version of the data is not known");
                None
            })
        };
    let is_converted = written.is_some() && last.as_ref().is_some_and(is_as_recorded);
    let data = written.or(last)?;
    let change = match version::change(&data, &server) {
        VersionChange::None => return None,
        // The server has run on the data before, and has not written its version yet.
        VersionChange::Converts if is_converted => return None,
        VersionChange::Impossible(_)
            if upgrades_by_itself(&next.reference) && server.numbers > data.numbers =>
        {
            VersionChange::Converts
        }
        change => change,
    };
    Some(VersionStep { store, data, server, image: next.reference, change })
}

/// Whether this process may read the volumes of a store.
fn is_readable(cx: &ProjectContext<'_>, store: &Store) -> bool {
    store.locations.iter().all(|place| match &place.source {
        LocationSource::Volume { name: Some(name), .. } => {
            let volume = cx.volumes.iter().find(|volume| volume.name == *name);
            cx.identity().local && volume.is_none_or(|volume| std::fs::read_dir(&volume.mountpoint).is_ok())
        }
        LocationSource::Volume { name: None, .. }
        | LocationSource::Bind { .. }
        | LocationSource::Tmpfs
        | LocationSource::Layer => true,
    })
}

/// Images that are made to upgrade data before they start the server.
fn upgrades_by_itself(reference: &str) -> bool {
    Reference::parse(reference).name().contains("upgrade")
}

/// The store with the places that its next container has, and with its container only if that has the same.
fn with_next_places(cx: &ProjectContext<'_>, store: &Store, declared: Option<&Service>) -> Store {
    let Some(service) = declared else { return store.clone() };
    let locations = declared_locations(service, store.kind, cx.project.model.as_ref());
    let has_all = locations.iter().all(|place| {
        let is_same = |known: &&DataLocation| known.target == place.target && known.source == place.source;
        // An anonymous volume goes from a container to the next.
        matches!(place.source, LocationSource::Volume { name: None, .. } | LocationSource::Layer)
            || store.locations.iter().any(|known| is_same(&known))
    });
    if store.container.is_some() && has_all {
        return store.clone();
    }
    Store { container: None, locations, ..store.clone() }
}

/// The version of the server that ran on the data last, as far as anything tells.
async fn last_server(cx: &ProjectContext<'_>, store: &Store) -> Option<ServerVersion> {
    if let Some(container) = store.container.as_ref().filter(|container| has_served(container)) {
        return evidence::version_of_image(cx.engine.as_ref(), container).await;
    }
    let exists = store.locations.iter().any(|place| match &place.source {
        LocationSource::Volume { name: Some(name), .. } => {
            cx.volumes.iter().any(|volume| volume.name == *name)
        }
        LocationSource::Bind { path } => cx.identity().local && path.exists(),
        LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs | LocationSource::Layer => false,
    });
    if !exists {
        return None;
    }
    let baseline = baselines::read(cx, store).ok().flatten()?;
    let seen = baseline.evidence.as_ref().filter(|seen| seen.has_data);
    let has_place = |name: &String| {
        let is_it = |place: &DataLocation| matches!(&place.source, LocationSource::Volume { name: Some(known), .. } if known == name);
        store.locations.iter().any(is_it)
    };
    let is_same_place = seen.is_none_or(|seen| seen.volumes.is_empty() || seen.volumes.keys().any(has_place));
    let by_server = match &baseline.fingerprint {
        Some(Fingerprint::Qdrant(qdrant)) if !qdrant.collections.is_empty() => {
            ServerVersion::parse(ServerProgram::Qdrant, &qdrant.version)
        }
        Some(Fingerprint::Qdrant(_) | Fingerprint::Volume { .. } | Fingerprint::Databases(_)) | None => None,
    };
    seen.and_then(|seen| seen.version.clone()).or(by_server).filter(|_| is_same_place)
}

/// Whether the server of a container has run. One that restarts again and again may never have opened its data.
fn has_served(container: &Container) -> bool {
    container.started.is_some() && container.state != ContainerState::Restarting
}

/// Refuses to restore files that the server of the service cannot open. `image` is the one that the service gets, if it gets
/// another one than it has.
pub(super) async fn check_restore(
    cx: &ProjectContext<'_>,
    store: &Store,
    backup: &Backup,
    image: Option<&String>,
) -> Result<(), Failure> {
    let manifest = &backup.manifest;
    if manifest.kind != StoreKind::Volume {
        return Ok(());
    }
    let engine = cx.engine.as_ref();
    let seen = manifest.evidence.as_ref().and_then(|seen| seen.version.clone());
    let data = if seen.is_some() {
        seen
    } else {
        let image = engine.image(&manifest.image_id).await.ok().flatten();
        version::of_image(&manifest.image, image.as_ref())
    };
    let (reference, server) = match (&store.container, image.or(store.image.as_ref())) {
        (Some(container), _) if image.is_none() => {
            (&container.image, evidence::version_of_image(engine, container).await)
        }
        (_, Some(reference)) => {
            (reference, version::of_image(reference, engine.image(reference).await.ok().flatten().as_ref()))
        }
        (_, None) => return Ok(()),
    };
    let (Some(data), Some(server)) = (data, server) else { return Ok(()) };
    match version::change(&data, &server) {
        VersionChange::Impossible(reason) if !upgrades_by_itself(reference) => Err(Failure::new(
            Exit::Refused,
            format!(
                "`{}` has files of {data}, and `{}` would open them with {server} (`{reference}`)",
                backup.name(),
                store.service
            ),
        )
        .say(format!("{reason}. Nothing was stopped or restored."))
        .say(format!(
            "To restore it, set the image of `{}` to {data}, recreate its container, and restore it again.",
            store.service
        ))),
        VersionChange::Impossible(_) | VersionChange::Converts | VersionChange::None => Ok(()),
    }
}
