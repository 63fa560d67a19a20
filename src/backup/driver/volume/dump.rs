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
use crate::engine::{
    ByteStream, Container, ContainerState, EngineError, ReplacedMount, volume_sizes_in_time,
};
use crate::fs::{Digest, FsError, NewFile};
use crate::inventory::known::{self, KnownProgram};
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
        let replaced = replaced(target).await?;
        let source = Source { helper: &helper, replaced: &replaced };
        for place in &chosen.places {
            let summary = look(target, source, place).await?;
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
    source: Source<'_>,
    place: &DataLocation,
) -> anyhow::Result<TarSummary> {
    let Some(stream) = source.open(target, place).await? else { return Ok(TarSummary::default()) };
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

/// Where the archives of a backup come from.
#[derive(Clone, Copy)]
struct Source<'a> {
    helper: &'a HelperContainer,
    replaced: &'a [ReplacedMount],
}

/// Whether the running container has something else at this place, or below it, than its path on the host leads to.
fn is_replaced(replaced: &[ReplacedMount], place: &DataLocation) -> bool {
    replaced.iter().any(|mount| mount.destination.starts_with(&place.target))
}

impl Source<'_> {
    async fn open(
        &self,
        target: DriverTarget<'_>,
        place: &DataLocation,
    ) -> anyhow::Result<Option<ByteStream>> {
        if !is_replaced(self.replaced, place) {
            return open(target, self.helper, place).await;
        }
        let stream = target.engine.read_live_directory(&self.helper.container, &place.target).await;
        stream.map(Some).with_context(|| {
            format!(
                "the running container has another directory at `{}` than the path on the host leads to now",
                place.target.display()
            )
        })
    }
}

/// The directories that the store's running container has and that their paths on the host no longer lead to.
async fn replaced(target: DriverTarget<'_>) -> anyhow::Result<Vec<ReplacedMount>> {
    match &target.store.container {
        Some(container) => Ok(target.engine.replaced_mounts(container).await?),
        None => Ok(Vec::new()),
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
    let replaced = replaced(target).await;
    let copied = match &replaced {
        Ok(replaced) => copy_all(target, Source { helper: &helper, replaced }, &chosen.places, into).await,
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    let copied = helper.close(target, copied).await?;
    let replaced = replaced?;
    let mut running = before;
    // Started during the copy: as bad as running from the start.
    for container in helper_container::running(target, &chosen.places).await? {
        if running.iter().all(|known| known.id != container.id) {
            running.push(container);
        }
    }
    if running.iter().any(|container| is_serving(target, container)) {
        check_contents(target, &chosen.places, &copied)?;
    }
    dump.remarks.extend(consistency(&running));
    for place in chosen.places.iter().filter(|place| is_replaced(&replaced, place)) {
        dump.remarks.push(format!(
            "`{}` was copied from the running container, because its path on the host leads to another directory now",
            place.target.display()
        ));
    }
    let (mut entries, mut bytes) = (0, 0);
    for Copied { artifact, summary, .. } in copied {
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
    target: PathBuf,
    /// It has a file that the program always has.
    is_recognized: bool,
}

/// Whether a container is that of the store, and its server has had the time to write.
fn is_serving(target: DriverTarget<'_>, container: &Container) -> bool {
    let is_own = target.store.container.as_ref().is_some_and(|own| own.id == container.id);
    is_own && container.state != ContainerState::Restarting
}

fn program(target: DriverTarget<'_>) -> Option<&'static KnownProgram> {
    target.store.container.as_ref().and_then(|container| known::program(&container.image))
}

/// Fails if a server is running and what was copied cannot be its data.
fn check_contents(
    target: DriverTarget<'_>,
    places: &[&DataLocation],
    copied: &[Copied],
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
    let all = || copied.iter().filter(|copied| target.store.keeps_data_at(&copied.target));
    let shown = place.target.display();
    anyhow::ensure!(
        program.may_be_empty || all().any(|copied| !copied.summary.is_empty()),
        "`{shown}` is empty although {} is running: it is not what the server uses",
        program.name()
    );
    anyhow::ensure!(
        program.files.is_empty() || all().any(|copied| copied.is_recognized),
        "`{shown}` has no `{}`, which a running {} always has: it is not what the server uses",
        program.files[0],
        program.name()
    );
    Ok(())
}

async fn copy_all(
    target: DriverTarget<'_>,
    source: Source<'_>,
    places: &[&DataLocation],
    into: &Staging,
) -> anyhow::Result<Vec<Copied>> {
    let mut copied = Vec::new();
    for place in places {
        if let Some(stream) = source.open(target, place).await? {
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
    let marks = program(target).map_or(&[][..], |program| program.files);
    let (task, summary, read_back, is_recognized) = walk(written, task, marks).await?;
    anyhow::ensure!(read_back == digest, "`{path}` does not read back as it was written");
    task.finish(&format!(
        "copied {shown}: {} in {}",
        Bytes(summary.bytes),
        count(summary.entries + u64::from(summary.is_file), "file")
    ));
    let contents = ArtifactContents::Files { target: shown, source: places::source(place) };
    Ok(Copied {
        artifact: Artifact { path, bytes, sha256: digest.to_string(), contents },
        summary,
        target: place.target.clone(),
        is_recognized,
    })
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

/// Reads an archive back. The last value is whether it has an entry with one of these names.
async fn walk(
    file: PathBuf,
    task: Box<dyn Task>,
    names: &'static [&'static str],
) -> anyhow::Result<(Box<dyn Task>, TarSummary, Digest, bool)> {
    pipe::blocking(move || {
        let open = File::open(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let mut reader = Hashing {
            inner: BufReader::with_capacity(256 * 1024, open),
            digester: crate::fs::Digester::default(),
        };
        let mut is_recognized = false;
        let look = |item: tar_summary::Item<'_>| {
            is_recognized |= names.iter().any(|name| item.path.ends_with(name));
        };
        let summary = tar_summary::take(&mut reader, look).context(
            "the archive from the engine is incomplete; a file may have changed while it was read",
        )?;
        let bytes = reader.digester.bytes();
        task.advance(bytes);
        Ok((task, summary, reader.digester.finish(), is_recognized))
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
