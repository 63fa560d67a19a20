//! Whether what is in the places of a store can be the data of the server that runs on them.

use std::path::PathBuf;

use crate::backup::driver::DriverTarget;
use crate::inventory::known::{self, KnownProgram};
use crate::inventory::{DataLocation, LocationSource};

/// What is in a place, as far as it tells whether it is the data of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlaceContents {
    /// The path in the container.
    pub(super) target: PathBuf,
    pub(super) is_empty: bool,
    /// It has a file that the program always has.
    pub(super) is_recognized: bool,
}

/// The program of the store, if it is known.
pub(super) fn program(target: DriverTarget<'_>) -> Option<&'static KnownProgram> {
    target.store.container.as_ref().and_then(|container| known::program(&container.image))
}

/// Fails if a server is running and what was copied cannot be its data.
pub(super) fn check(
    target: DriverTarget<'_>,
    places: &[&DataLocation],
    contents: &[PlaceContents],
) -> anyhow::Result<()> {
    let Some(program) = program(target) else { return Ok(()) };
    // Another program in the same image, such as a client, has no data at the data path, but nothing is mounted there.
    let is_data = |place: &&&DataLocation| {
        let mounted = match &place.source {
            LocationSource::Bind { .. } | LocationSource::Volume { anonymous: false, .. } => true,
            LocationSource::Volume { anonymous: true, .. }
            | LocationSource::Tmpfs
            | LocationSource::Layer => false,
        };
        mounted && target.store.keeps_data_at(&place.target)
    };
    let Some(place) = places.iter().find(is_data) else { return Ok(()) };
    let all = || contents.iter().filter(|one| target.store.keeps_data_at(&one.target));
    let shown = place.target.display();
    anyhow::ensure!(
        program.may_be_empty || all().any(|one| !one.is_empty),
        "`{shown}` is empty although {} is running: it is not what the server uses",
        program.name()
    );
    anyhow::ensure!(
        program.files.is_empty() || all().any(|one| one.is_recognized),
        "`{shown}` has no `{}`, which a running {} always has: it is not what the server uses",
        program.files[0],
        program.name()
    );
    Ok(())
}
