//! Copies the files of a store while nothing writes to them, and reads each archive back.

use std::path::PathBuf;

use super::archive_file;
use super::attributes::HostAttributes;
use super::contents;
use super::helper_container::HelperContainer;
use super::save::{self, SaveResult, SavedArchive};
use super::source::{Source, is_replaced, replaced};
use super::unchanged::{self, Linked, Same};
use super::{pipe, places, tree, writers};
use crate::backup::consistency::Consistency;
use crate::backup::driver::DriverTarget;
use crate::backup::store::{Backup, Staging};
use crate::engine::{Container, ContainerState, ReplacedMount, volume_sizes_in_time};
use crate::error::causes;
use crate::fs::FsError;
use crate::inventory::{DataLocation, LocationSource};
use crate::progress::Unit;

/// The archives of one moment, as far as that is known.
pub(super) struct QuietCopy<'a> {
    pub(super) archives: Vec<Archive<'a>>,
    pub(super) consistency: Consistency,
    pub(super) tree: Option<String>,
    /// The store's own server was running, so it has written its files.
    pub(super) was_serving: bool,
    pub(super) remarks: Vec<String>,
}

/// An archive that was written and not yet read back.
pub(super) struct Archive<'a> {
    pub(super) place: &'a DataLocation,
    /// Relative to the backup.
    pub(super) path: String,
    pub(super) written: PathBuf,
    pub(super) saved: SavedArchive,
    /// The sockets below the place, if they could be seen.
    pub(super) sockets: Vec<PathBuf>,
}

/// What is copied.
#[derive(Clone, Copy)]
pub(super) struct CopyJob<'a, 'p> {
    pub(super) helper: &'a HelperContainer,
    pub(super) places: &'a [&'p DataLocation],
    /// The backup whose archives are used if the files are the same.
    pub(super) previous: Option<&'a Backup>,
}

/// How the files got into the backup.
pub(super) enum Outcome<'p> {
    Copied(QuietCopy<'p>),
    /// They are the same as in the previous backup.
    Linked(Linked, Consistency),
}

/// How often a copy is tried whose files become shorter or vanish while they are read.
const ATTEMPTS: u32 = 3;

/// Copies while the writers are held. Files that change all the same are copied once more: a process of the host may
/// have written to them.
pub(super) async fn quietly<'p>(
    target: DriverTarget<'_>,
    job: CopyJob<'_, 'p>,
    into: &mut Staging,
) -> anyhow::Result<Outcome<'p>> {
    let mut previous = job.previous;
    let (mut changed_before, mut incomplete_before, mut remarks) = (false, 0, Vec::new());
    loop {
        let attempt = copy_once(target, CopyJob { previous, ..job }, into).await?;
        let mut copy = match attempt {
            Attempt::Same(same, consistency) => match unchanged::link(same, into) {
                Ok(linked) => return Ok(Outcome::Linked(linked, consistency)),
                Err(error) => {
                    let error = causes(&error.into());
                    remarks.push(format!("nothing has changed, but it was copied again: {error}"));
                    previous = None;
                    continue;
                }
            },
            Attempt::Changed(copy) if !changed_before => {
                for archive in &copy.archives {
                    into.discard(&archive.path)?;
                }
                changed_before = true;
                previous = None;
                continue;
            }
            Attempt::Incomplete(incomplete) => {
                for path in &incomplete.copied {
                    into.discard(path)?;
                }
                incomplete_before += 1;
                let shown = incomplete.file.display();
                anyhow::ensure!(
                    incomplete_before < ATTEMPTS,
                    "`{shown}` became shorter or vanished while it was read, {ATTEMPTS} times in a row"
                );
                remarks.push(format!(
                    "`{shown}` became shorter or vanished while it was read, so everything was copied again"
                ));
                continue;
            }
            Attempt::Done(copy) | Attempt::Changed(copy) => copy,
        };
        copy.remarks.append(&mut remarks);
        return Ok(Outcome::Copied(copy));
    }
}

enum Attempt<'a, 'p> {
    Done(QuietCopy<'p>),
    /// The files changed although nothing is known to have written to them.
    Changed(QuietCopy<'p>),
    /// Nothing was copied: the files are those of the previous backup.
    Same(Same<'a>, Consistency),
    /// A file could not be read to the end that it had when the engine began with it.
    Incomplete(IncompleteCopy),
}

/// What became of a copy of which a file is missing.
struct IncompleteCopy {
    /// The last file that the engine began with, as the container has it.
    file: PathBuf,
    /// The archives that were written, in the backup.
    copied: Vec<String>,
}

async fn copy_once<'a, 'p>(
    target: DriverTarget<'_>,
    job: CopyJob<'a, 'p>,
    into: &Staging,
) -> anyhow::Result<Attempt<'a, 'p>> {
    let CopyJob { helper, places, previous } = job;
    let replaced = replaced(target).await;
    let mut before = writers::writers(target, places).await?;
    let mut was_serving = is_serving(target);
    if let Some(quiesce) = target.quiesce
        && !before.is_empty()
    {
        // Most of it is done while everything still runs.
        tree::write_out(target, places).await;
        if replaced.is_empty() {
            quiesce.hold(&before).await?;
        } else {
            // Only the running container has the directory.
            quiesce.freeze(&before).await?;
        }
        before = writers::writers(target, places).await?;
    }
    let is_quiet = before.iter().all(|one| one.state == ContainerState::Paused);
    // What paused processes have mapped into memory need not show in the times.
    let is_reliable =
        replaced.is_empty() && is_quiet && (before.is_empty() || tree::write_out(target, places).await);
    let seen = tree::look(target, places).await;
    let same = match (&seen, previous) {
        (Some(tree), Some(previous)) if is_reliable => unchanged::find(places, tree, previous),
        (Some(_) | None, _) => None,
    };
    let (archives, seen_after) = if same.is_some() {
        (Vec::new(), seen.clone())
    } else {
        match copy_all(target, (Source { helper, replaced: &replaced }, seen.as_ref()), places, into).await? {
            Ok(mut archives) => {
                let seen = tree::look(target, places).await;
                for archive in &mut archives {
                    let sockets = seen.iter().flat_map(|tree| &tree.sockets);
                    archive.sockets =
                        sockets.filter(|socket| socket.starts_with(&archive.place.target)).cloned().collect();
                }
                (archives, seen)
            }
            Err(incomplete) => {
                if let Some(quiesce) = target.quiesce {
                    quiesce.release().await?;
                }
                return Ok(Attempt::Incomplete(incomplete));
            }
        }
    };
    let after = writers::writers(target, places).await?;
    if let Some(quiesce) = target.quiesce {
        quiesce.release().await?;
    }
    was_serving |= after.iter().any(|one| is_own(target, one) && one.state != ContainerState::Restarting);
    let mut copy = QuietCopy {
        archives,
        consistency: writers::consistency(&before, &after),
        tree: None,
        was_serving,
        remarks: replaced_remarks(&replaced, places),
    };
    if let (Some(same), Some(tree)) = (same, &seen) {
        if !copy.consistency.is_sound() {
            return Ok(Attempt::Changed(copy));
        }
        if was_serving {
            contents::check(target, places, &tree.places)?;
        }
        return Ok(Attempt::Same(same, copy.consistency));
    }
    if !copy.consistency.is_sound() {
        copy.remarks.push(format!(
            "{} ran during the copy and may have written: the files may not fit together",
            writers::names(&before, &after)
        ));
    } else if seen.map(|tree| tree.digest) != seen_after.as_ref().map(|tree| tree.digest.clone()) {
        copy.consistency = Consistency::TornPossible;
        copy.remarks.push(
            "its files changed during the copy although no container could write to them: they may not fit together"
                .to_owned(),
        );
        return Ok(Attempt::Changed(copy));
    } else if is_reliable {
        copy.tree = seen_after.map(|tree| tree.digest);
    }
    Ok(Attempt::Done(copy))
}

fn replaced_remarks(replaced: &[ReplacedMount], places: &[&DataLocation]) -> Vec<String> {
    let places = places.iter().filter(|place| is_replaced(replaced, place));
    let remark = |place: &&DataLocation| {
        format!(
            "`{}` was copied from the running container, because its path on the host leads to another directory now",
            place.target.display()
        )
    };
    places.map(remark).collect()
}

fn is_own(target: DriverTarget<'_>, container: &Container) -> bool {
    target.store.container.as_ref().is_some_and(|own| own.id == container.id)
}

/// Whether the store's server was running when the project was read, and has had the time to write.
fn is_serving(target: DriverTarget<'_>) -> bool {
    let own = target.store.container.as_ref();
    own.is_some_and(|own| own.is_running() && own.state != ContainerState::Restarting)
}

async fn copy_all<'a>(
    target: DriverTarget<'_>,
    (source, seen): (Source<'_>, Option<&tree::FileTree>),
    places: &[&'a DataLocation],
    into: &Staging,
) -> anyhow::Result<Result<Vec<Archive<'a>>, IncompleteCopy>> {
    let mut copied: Vec<Archive<'a>> = Vec::new();
    for place in places {
        let Some(stream) = source.open(target, place).await? else { continue };
        let path = archive_file::name(places::archive_name(&place.target), into.compression());
        let file = into.create(&path)?;
        let written = file.path().to_owned();
        let title = format!("copying {}", place.target.display());
        let total = seen.map(|tree| tree.space_of(&place.target));
        let task = target.progress.begin(&title, Unit::Bytes, total);
        let compression = into.compression();
        let attributes =
            if is_replaced(source.replaced, place) { None } else { HostAttributes::of(target, place).await };
        let write = move |archive| save::save(archive, file, compression, attributes);
        match pipe::consume(stream, task.as_ref(), write).await? {
            Ok(SaveResult::Saved(saved)) => {
                copied.push(Archive { place, path, written, saved, sockets: Vec::new() });
            }
            Ok(SaveResult::Incomplete(last)) => {
                let parent = place.target.parent().unwrap_or(&place.target);
                let file = last.map_or_else(|| place.target.clone(), |last| parent.join(last));
                let copied = copied.into_iter().map(|archive| archive.path).chain([path]).collect();
                return Ok(Err(IncompleteCopy { file, copied }));
            }
            Err(error) => {
                let error = with_size(target, place, error).await;
                return Err(error.context(format!("`{}` could not be copied", place.target.display())));
            }
        }
    }
    Ok(Ok(copied))
}

/// On a full disk, adds how much space the volume needs. Asking earlier would slow down every backup: the engine
/// measures all volumes.
async fn with_size(target: DriverTarget<'_>, place: &DataLocation, error: anyhow::Error) -> anyhow::Error {
    match (error.downcast::<FsError>(), &place.source) {
        (Ok(full), LocationSource::Volume { name: Some(name), .. }) if full.is_full() => {
            let sizes = volume_sizes_in_time(target.engine).await.unwrap_or_default();
            full.needing(sizes.get(name).copied()).into()
        }
        (Ok(error), _) => error.into(),
        (Err(error), _) => error,
    }
}
