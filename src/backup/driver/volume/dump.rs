//! Copies the directories of a store, one archive each.

use std::path::Path;

use anyhow::Context as _;

use super::archive_file;
use super::contents;
use super::copy::{self, Outcome};
use super::helper_container::HelperContainer;
use super::places::{self, Chosen};
use super::read_back::Copied;
use super::source::{Source, replaced};
use super::tar_summary::{self, TarSummary};
use super::{need, pipe, read_back};
use crate::backup::consistency::Consistency;
use crate::backup::driver::{DriverTarget, Dump};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::{Artifact, ArtifactContents, Proof};
use crate::backup::store::{Backup, Staging};
use crate::inventory::{DataLocation, LocationSource};
use crate::progress::Unit;

/// Counts everything in every directory.
pub(super) async fn fingerprint(target: DriverTarget<'_>) -> anyhow::Result<Fingerprint> {
    let chosen = existing(target, places::choose(target.store, None)).await?;
    if chosen.places.is_empty() {
        return Ok(Fingerprint::Volume { entries: 0, bytes: 0 });
    }
    let helper = HelperContainer::to_read(target).await?;
    let counted = async {
        let (mut entries, mut bytes) = (0, 0);
        let replaced = replaced(target).await;
        let source = Source { helper: &helper, replaced: &replaced };
        for place in &chosen.places {
            let summary = look(target, source, place).await?;
            entries += summary.entries + u64::from(summary.is_file);
            bytes += summary.bytes;
        }
        Ok(Fingerprint::Volume { entries, bytes })
    }
    .await;
    helper.close(counted).await
}

/// What one directory contains now.
async fn look(
    target: DriverTarget<'_>,
    source: Source<'_>,
    place: &DataLocation,
) -> anyhow::Result<TarSummary> {
    let Some(stream) = source.open(target, place).await? else { return Ok(TarSummary::default()) };
    let task = target.progress.begin(&format!("counting {}", place.target.display()), Unit::Bytes, None);
    pipe::consume(stream, task.as_ref(), |archives| tar_summary::take(archives, |_| {}))
        .await?
        .with_context(|| format!("`{}` cannot be read", place.target.display()))
}

/// Leaves out volumes that do not exist: reading one would create it.
pub(super) async fn existing<'a>(
    target: DriverTarget<'_>,
    mut chosen: Chosen<'a>,
) -> anyhow::Result<Chosen<'a>> {
    if target.store.container.is_some() {
        return Ok(chosen);
    }
    let mut there = Vec::new();
    for place in chosen.places {
        match &place.source {
            LocationSource::Volume { name: Some(name), .. }
                if target.engine.volume(name).await?.is_none() =>
            {
                chosen.remarks.push(format!("volume `{name}` does not exist, so it was not copied"));
            }
            LocationSource::Volume { .. }
            | LocationSource::Bind { .. }
            | LocationSource::Tmpfs
            | LocationSource::Layer => {
                there.push(place);
            }
        }
    }
    chosen.places = there;
    Ok(chosen)
}

/// Copies everything while nothing writes, and reads each archive back from disk to its end.
pub(super) async fn dump(
    target: DriverTarget<'_>,
    previous: Option<&Backup>,
    into: &mut Staging,
) -> anyhow::Result<Dump> {
    let backups = into.directory().parent().and_then(Path::parent).and_then(|root| root.canonicalize().ok());
    let chosen = places::choose(target.store, backups.as_deref().filter(|_| target.local));
    let chosen = existing(target, chosen).await?;
    let mut dump = Dump {
        server: None,
        fingerprint: Fingerprint::Volume { entries: 0, bytes: 0 },
        artifacts: Vec::new(),
        proof: Proof::Readable,
        consistency: Consistency::Cold,
        tree: None,
        sqlite: Vec::new(),
        manual_restore: Vec::new(),
        remarks: chosen.remarks,
    };
    if chosen.places.is_empty() {
        return Ok(dump);
    }
    need::ensure_space(target, &chosen.places, previous, into).await?;
    let helper = HelperContainer::to_read(target).await?;
    let job = copy::CopyJob { helper: &helper, places: &chosen.places, previous };
    let copied = copy::quietly(target, job, into).await;
    let copied = helper.close(copied).await?;
    let copied = match copied {
        Outcome::Copied(copied) => copied,
        Outcome::Linked(linked, consistency) => {
            dump.fingerprint = linked.fingerprint;
            dump.consistency = consistency;
            dump.tree = Some(linked.tree);
            dump.sqlite = linked.sqlite;
            dump.manual_restore = by_hand(target, &linked.artifacts);
            dump.artifacts = linked.artifacts;
            return Ok(dump);
        }
    };
    let read_back = read_back::read_back(target, copied.archives).await?;
    if copied.was_serving {
        let seen: Vec<_> = read_back.iter().map(Copied::contents).collect();
        contents::check(target, &chosen.places, &seen)?;
    }
    for copied in &read_back {
        into.was_read_back(&copied.artifact);
    }
    dump.consistency = copied.consistency;
    dump.tree = copied.tree;
    dump.remarks.extend(copied.remarks);
    let (mut entries, mut bytes) = (0, 0);
    for Copied { artifact, summary, sqlite, .. } in read_back {
        dump.sqlite.extend(sqlite);
        entries += summary.entries + u64::from(summary.is_file);
        bytes += summary.bytes;
        dump.artifacts.push(artifact);
    }
    dump.fingerprint = Fingerprint::Volume { entries, bytes };
    dump.manual_restore = by_hand(target, &dump.artifacts);
    Ok(dump)
}

/// `docker cp` unpacks a tar archive from its standard input.
pub(super) fn by_hand(target: DriverTarget<'_>, artifacts: &[Artifact]) -> Vec<String> {
    let mut lines = vec![
        "Each archive is a tar of one directory of the container, and contains the directory itself. One that ends in `.zst` is compressed with zstd.".to_owned(),
        "Restore it into a stopped container in which that directory is empty, because files are added but not removed:"
            .to_owned(),
    ];
    let container = match &target.store.container {
        Some(container) => container.name.clone(),
        None => "restored".to_owned(),
    };
    if target.store.container.is_none() {
        let mut words =
            vec!["docker".to_owned(), "create".to_owned(), "--name".to_owned(), container.clone()];
        for artifact in artifacts {
            if let ArtifactContents::Files { target, source, .. } = &artifact.contents
                && let Some(volume) = source.strip_prefix("volume ")
            {
                words.extend(["-v".to_owned(), format!("{volume}:{target}")]);
            }
        }
        words.extend(target.store.image.clone());
        lines.push(shell_words::join(words));
    }
    for artifact in artifacts {
        if let ArtifactContents::Files { target, .. } = &artifact.contents {
            let parent = Path::new(target).parent().unwrap_or(Path::new("/"));
            let (place, file) =
                (format!("{container}:{}", parent.display()), shell_words::quote(&artifact.path));
            let place = shell_words::quote(&place);
            lines.push(if archive_file::is_compressed(Path::new(&artifact.path)) {
                format!("zstd -dc {file} | docker cp - {place}")
            } else {
                format!("docker cp - {place} < {file}")
            });
        }
    }
    lines
}
