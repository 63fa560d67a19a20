//! Copies the directories of a store, one archive each.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::helper_container::{self, HelperContainer};
use super::pipe;
use super::places::{self, Chosen};
use super::tar_summary::{self, TarSummary};
use crate::backup::driver::{DriverTarget, Dump};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::{Artifact, ArtifactContents, Proof};
use crate::backup::store::Staging;
use crate::engine::{ByteStream, Container, ContainerState, EngineError, volume_sizes_in_time};
use crate::fs::{Digest, FsError, NewFile};
use crate::inventory::{DataLocation, LocationSource};
use crate::progress::{Task, Unit};
use crate::units::{Bytes, count};

/// Counts everything in every directory.
pub(super) async fn fingerprint(target: DriverTarget<'_>) -> anyhow::Result<Fingerprint> {
    let chosen = existing(target, places::choose(target.store, None)).await?;
    if chosen.places.is_empty() {
        return Ok(Fingerprint::Volume { entries: 0, bytes: 0 });
    }
    let helper = HelperContainer::to_read(target).await?;
    let counted = async {
        let (mut entries, mut bytes) = (0, 0);
        for place in &chosen.places {
            let summary = look(target, &helper, place).await?;
            entries += summary.entries + u64::from(summary.is_file);
            bytes += summary.bytes;
        }
        Ok(Fingerprint::Volume { entries, bytes })
    }
    .await;
    helper.close(target, counted).await
}

/// What one directory contains now.
async fn look(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    place: &DataLocation,
) -> anyhow::Result<TarSummary> {
    let Some(stream) = open(target, helper, place).await? else { return Ok(TarSummary::default()) };
    let task = target.progress.begin(&format!("counting {}", place.target.display()), Unit::Bytes, None);
    pipe::consume(stream, task.as_ref(), |archives| tar_summary::take(archives, |_| {}))
        .await?
        .with_context(|| format!("`{}` cannot be read", place.target.display()))
}

/// The archive of a directory; `None` if the container does not have the path yet.
pub(super) async fn open(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    place: &DataLocation,
) -> anyhow::Result<Option<ByteStream>> {
    match target.engine.read_archive(&helper.container, &place.target).await {
        Ok(stream) => Ok(Some(stream)),
        Err(EngineError::NotFound { .. }) if place.source == LocationSource::Layer => Ok(None),
        Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", place.target.display())),
    }
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

/// Copies everything, and reads each archive back from disk to its end.
pub(super) async fn dump(target: DriverTarget<'_>, into: &mut Staging) -> anyhow::Result<Dump> {
    let backups = into.directory().parent().and_then(Path::parent).and_then(|root| root.canonicalize().ok());
    let chosen = places::choose(target.store, backups.as_deref().filter(|_| target.local));
    let chosen = existing(target, chosen).await?;
    let mut dump = Dump {
        server: None,
        fingerprint: Fingerprint::Volume { entries: 0, bytes: 0 },
        artifacts: Vec::new(),
        proof: Proof::Readable,
        manual_restore: Vec::new(),
        remarks: chosen.remarks,
    };
    if chosen.places.is_empty() {
        return Ok(dump);
    }
    let before = helper_container::running(target, &chosen.places).await?;
    let helper = HelperContainer::to_read(target).await?;
    let copied = copy_all(target, &helper, &chosen.places, into).await;
    let copied = helper.close(target, copied).await?;
    let mut running = before;
    // Started during the copy: as bad as running from the start.
    for container in helper_container::running(target, &chosen.places).await? {
        if running.iter().all(|known| known.id != container.id) {
            running.push(container);
        }
    }
    dump.remarks.extend(consistency(&running));
    let (mut entries, mut bytes) = (0, 0);
    for Copied { artifact, summary } in copied {
        entries += summary.entries + u64::from(summary.is_file);
        bytes += summary.bytes;
        dump.artifacts.push(artifact);
    }
    dump.fingerprint = Fingerprint::Volume { entries, bytes };
    dump.manual_restore = by_hand(target, &dump.artifacts);
    Ok(dump)
}

fn consistency(running: &[Container]) -> Option<String> {
    let names: Vec<String> = running.iter().map(|container| format!("`{}`", container.name)).collect();
    let paused = running.iter().all(|container| container.state == ContainerState::Paused);
    let how = if paused { "paused" } else { "running" };
    (!names.is_empty()).then(|| {
        format!(
            "copied while {} was {how}: crash-consistent at best, as after a power cut",
            names.join(" and ")
        )
    })
}

struct Copied {
    artifact: Artifact,
    summary: TarSummary,
}

async fn copy_all(
    target: DriverTarget<'_>,
    helper: &HelperContainer,
    places: &[&DataLocation],
    into: &Staging,
) -> anyhow::Result<Vec<Copied>> {
    let mut copied = Vec::new();
    for place in places {
        if let Some(stream) = open(target, helper, place).await? {
            copied.push(
                copy(target, place, stream, into)
                    .await
                    .with_context(|| format!("`{}` could not be copied", place.target.display()))?,
            );
        }
    }
    Ok(copied)
}

async fn copy(
    target: DriverTarget<'_>,
    place: &DataLocation,
    stream: ByteStream,
    into: &Staging,
) -> anyhow::Result<Copied> {
    let shown = place.target.display().to_string();
    let path = places::archive_name(&place.target);
    let file = into.create(&path)?;
    let written = file.path().to_owned();
    let task = target.progress.begin(&format!("copying {shown}"), Unit::Bytes, None);
    let saved = pipe::consume(stream, task.as_ref(), |archives| save(archives, file)).await?;
    let (bytes, digest) = match saved {
        Err(error) => return Err(with_size(target, place, error).await),
        Ok(saved) => saved,
    };
    let task = target.progress.begin(&format!("reading back {shown}"), Unit::Bytes, Some(bytes));
    let (task, summary, read_back) = walk(written, task).await?;
    anyhow::ensure!(read_back == digest, "`{path}` does not read back as it was written");
    task.finish(&format!(
        "copied {shown}: {} in {}",
        Bytes(summary.bytes),
        count(summary.entries + u64::from(summary.is_file), "file")
    ));
    let contents = ArtifactContents::Files { target: shown, source: places::source(place) };
    Ok(Copied { artifact: Artifact { path, bytes, sha256: digest.to_string(), contents }, summary })
}

fn save(mut archives: pipe::ChunkReader, mut file: NewFile) -> anyhow::Result<(u64, Digest)> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match archives.read(&mut buffer).context("the engine stopped sending")? {
            0 => return Ok(file.finish()?),
            read => file.append(&buffer[..read])?,
        }
    }
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

async fn walk(file: PathBuf, task: Box<dyn Task>) -> anyhow::Result<(Box<dyn Task>, TarSummary, Digest)> {
    pipe::blocking(move || {
        let open = File::open(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let mut reader = Hashing {
            inner: BufReader::with_capacity(256 * 1024, open),
            digester: crate::fs::Digester::default(),
        };
        let summary = tar_summary::take(&mut reader, |_| {}).context(
            "the archive from the engine is incomplete; a file may have changed while it was read",
        )?;
        let bytes = reader.digester.bytes();
        task.advance(bytes);
        Ok((task, summary, reader.digester.finish()))
    })
    .await
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    digester: crate::fs::Digester,
}

impl<R: std::io::Read> std::io::Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.digester.update(&buffer[..count]);
        Ok(count)
    }
}

/// `docker cp` unpacks a tar archive from its standard input.
fn by_hand(target: DriverTarget<'_>, artifacts: &[Artifact]) -> Vec<String> {
    let mut lines = vec![
        "Each archive is a tar of one directory of the container, and contains the directory itself.".to_owned(),
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
            if let ArtifactContents::Files { target, source } = &artifact.contents
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
            lines.push(format!(
                "docker cp - {} < {}",
                shell_words::quote(&format!("{container}:{}", parent.display())),
                shell_words::quote(&artifact.path)
            ));
        }
    }
    lines
}
