//! Looks at the data of a store without counting it: a few small requests to the engine, no program in the container.

mod files;
mod identity;
mod version;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::DriverTarget;
use crate::backup::evidence::{ServerIdentity, StoreEvidence};
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::engine::{Container, ContainerState, VolumeIdentity};
use crate::inventory::known;
use crate::inventory::version::{ServerProgram, ServerVersion};
use crate::inventory::{DataLocation, LocationSource, Store};
use crate::progress::Unit;
use files::Files;

pub use files::read_in as file_of;
pub use version::{of_image as version_of_image, of_next_container as version_of_next_container};

/// How long a server may take to write its first files.
const FIRST_FILES: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// How long it may take from its first files to the one with its identifier.
const IDENTIFIER: Duration = Duration::from_secs(5);

/// Looks at the data of a store through its container, running or not.
pub async fn look(target: DriverTarget<'_>) -> anyhow::Result<StoreEvidence> {
    see(target, target.container()?).await
}

/// The same after a start. `expected` is what was seen before. A server that has nothing of it, or that was never seen and
/// has no data yet, may be about to write its first files: that is awaited, for at most ten seconds.
pub async fn look_after_start(
    target: DriverTarget<'_>,
    expected: Option<&StoreEvidence>,
    limit: Duration,
) -> anyhow::Result<StoreEvidence> {
    let container = target.container()?;
    let mut now = see(target, container).await?;
    let has_identifier = expected.is_none() && !known::identity_files(container).is_empty();
    // The first files may be there, and not yet the one with the identifier.
    let is_early = misses_files(expected, &now) || (has_identifier && now.server.is_none());
    if !is_early || !writes_at_once(target.store) || !is_starting(container) {
        return Ok(now);
    }
    let title = format!("waiting for the first files of `{}`", target.store.service);
    let _task = target.progress.begin(&title, Unit::Time, None);
    let deadline = Instant::now() + limit.min(FIRST_FILES);
    let mut first_data = (!misses_files(expected, &now)).then(Instant::now);
    while Instant::now() < deadline {
        sleep(PAUSE).await;
        let running =
            target.engine.inspect(&container.id).await?.is_some_and(|container| is_starting(&container));
        now = see(target, container).await?;
        let is_complete = !misses_files(expected, &now) && {
            let since = *first_data.get_or_insert_with(Instant::now);
            !has_identifier || now.server.is_some() || since.elapsed() >= IDENTIFIER
        };
        if is_complete || !running {
            break;
        }
    }
    Ok(now)
}

fn misses_files(expected: Option<&StoreEvidence>, now: &StoreEvidence) -> bool {
    let is_missing = |difference: Difference| {
        matches!(
            difference,
            Difference::NoData | Difference::EmptiedVolume { .. } | Difference::NoServerData { .. }
        )
    };
    match expected {
        Some(expected) => expected.compare(now).into_iter().any(is_missing),
        None => !now.has_data,
    }
}

/// Whether its server writes files as soon as it starts. Another program in the same image, such as a client, has no data
/// at the data path, but nothing is mounted there.
fn writes_at_once(store: &Store) -> bool {
    let image = store.container.as_ref().map(|container| container.image.as_str());
    let is_mounted = |place: &DataLocation| {
        matches!(place.source, LocationSource::Bind { .. } | LocationSource::Volume { anonymous: false, .. })
    };
    image.and_then(known::program).is_some_and(|program| !program.may_be_empty)
        && data_locations(store).any(is_mounted)
}

fn is_starting(container: &Container) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Restarting)
}

/// What is known of a server that answered.
pub async fn of_server(target: DriverTarget<'_>, contents: &Fingerprint) -> anyhow::Result<StoreEvidence> {
    let has_data = match contents {
        Fingerprint::Qdrant(qdrant) => !qdrant.collections.is_empty(),
        Fingerprint::Volume { entries, .. } => *entries > 0,
        Fingerprint::Databases(_) => true,
    };
    let version = match contents {
        Fingerprint::Qdrant(qdrant) => ServerVersion::parse(ServerProgram::Qdrant, &qdrant.version),
        Fingerprint::Volume { .. } | Fingerprint::Databases(_) => None,
    };
    let volumes = volumes(target).await?;
    Ok(StoreEvidence { time: Timestamp::now(), has_data, server: None, version, volumes })
}

async fn see(target: DriverTarget<'_>, container: &Container) -> anyhow::Result<StoreEvidence> {
    let files = Files::of(target, container).await;
    let (identity, volumes) = tokio::try_join!(identity::find(&files, container), volumes(target))?;
    let mut has_data = identity.is_some();
    for place in data_locations(target.store) {
        if has_data {
            break;
        }
        has_data = match files.has_data(&place.target).await? {
            Some(has_data) => has_data,
            // A path in the container layer exists when the server has made it.
            None if place.source == LocationSource::Layer => false,
            None => anyhow::bail!("container `{}` has no `{}`", container.name, place.target.display()),
        };
    }
    let version = if has_data {
        version::of_container(target, &files, container, identity.as_ref()).await?
    } else {
        None
    };
    let server = identity.map(|found| ServerIdentity { program: found.file, id: found.id });
    Ok(StoreEvidence { time: Timestamp::now(), has_data, server, version, volumes })
}

/// The mounts that hold the data: of a known program those at its data paths, of another one all volumes.
pub fn data_locations(store: &Store) -> impl Iterator<Item = &DataLocation> {
    let is_known = !store.data_paths().is_empty();
    store.locations.iter().filter(move |place| match &place.source {
        LocationSource::Tmpfs | LocationSource::Volume { name: None, .. } => false,
        LocationSource::Volume { name: Some(_), anonymous } => {
            if is_known {
                store.keeps_data_at(&place.target)
            } else {
                !anonymous
            }
        }
        LocationSource::Bind { .. } | LocationSource::Layer => is_known && store.keeps_data_at(&place.target),
    })
}

async fn volumes(target: DriverTarget<'_>) -> anyhow::Result<BTreeMap<String, Option<VolumeIdentity>>> {
    let mut volumes = BTreeMap::new();
    for place in data_locations(target.store) {
        if let LocationSource::Volume { name: Some(name), .. } = &place.source
            && let Some(volume) = target.engine.volume(name).await?
        {
            volumes.insert(name.clone(), volume.identity);
        }
    }
    Ok(volumes)
}
