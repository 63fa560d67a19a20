//! Converts a copy of files into those of a newer server, in temporary servers: what a service has is not touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use super::scratch::{self, ScratchOrigin, ScratchServer, ScratchSetup, ScratchWork, TestEnv};
use super::volume::VolumeDriver;
use super::{Driver as _, DriverTarget, Dump, evidence};
use crate::backup::evidence::StoreEvidence;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::{Backup, Staging};
use crate::engine::MountSource;
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind};
use crate::progress::{Task, Unit};
use crate::secret::Secret;

/// A server as its service starts it, with one image.
#[derive(Debug, Clone)]
pub struct UpgradeServer {
    /// An image that the engine has, by its id or its name.
    pub image: String,
    /// The variables of the service, without those of the image.
    pub environment: BTreeMap<String, Secret>,
    /// The command of the service; empty for that of the image.
    pub command: Vec<String>,
    /// Where the place of the data is mounted.
    pub mount: PathBuf,
    /// The directory of the data, at the mount or below it.
    pub data: PathBuf,
}

/// What a temporary server has made, and the backup that it is in, which is not finished yet.
pub struct Converted {
    pub staging: Staging,
    pub dump: Dump,
    pub evidence: Option<StoreEvidence>,
}

/// Works with a temporary server of an image, for data as large as that of a copy. `title` says what for.
pub(super) async fn with_server<T: Send + 'static>(
    env: TestEnv<'_>,
    title: &str,
    (copy, image): (&Backup, &str),
    setup: ScratchSetup,
    work: ScratchWork<T>,
) -> anyhow::Result<T> {
    let task: Arc<dyn Task> = Arc::from(env.progress.begin(title, Unit::Bytes, None));
    scratch::with_server(env, task, origin(copy, image), setup, work).await
}

fn origin(copy: &Backup, image: &str) -> ScratchOrigin {
    let unpacked = match copy.manifest.fingerprint {
        Fingerprint::Volume { bytes, .. } => bytes,
        Fingerprint::Qdrant(_) | Fingerprint::Databases(_) => 0,
    };
    ScratchOrigin {
        service: copy.manifest.service.clone(),
        image: image.to_owned(),
        bytes: unpacked.max(copy.bytes()),
    }
}

/// Copies the files at a mount of a temporary server that was stopped.
pub(super) async fn copy_files(
    scratch: &ScratchServer,
    mount: &Path,
    mut into: Staging,
) -> anyhow::Result<Converted> {
    let target = scratch.target();
    let container = target.container()?;
    let mounted = container.mounts.iter().find(|one| one.destination == mount);
    let name = mounted.and_then(|one| match &one.source {
        MountSource::Volume { name, .. } => Some(name.clone()),
        MountSource::Bind { .. } | MountSource::Tmpfs | MountSource::Other => None,
    });
    let name =
        name.with_context(|| format!("the temporary server has no volume at `{}`", mount.display()))?;
    let place = DataLocation {
        source: LocationSource::Volume { name: Some(name), anonymous: false },
        target: mount.to_owned(),
        read_only: false,
    };
    let store = Store { kind: StoreKind::Volume, locations: vec![place], ..target.store.clone() };
    let target = DriverTarget { store: &store, ..target };
    let mut dump = VolumeDriver.dump(target, None, &mut into).await?;
    // The files of the service will have other inodes.
    dump.tree = None;
    let evidence = evidence::look(target).await.ok();
    let evidence = evidence.map(|seen| StoreEvidence { volumes: BTreeMap::new(), ..seen });
    Ok(Converted { staging: into, dump, evidence })
}

impl Converted {
    /// Names the container of the service instead of the temporary one.
    pub(super) fn rename(&mut self, scratch: &str, container: &str) {
        for line in &mut self.dump.manual_restore {
            *line = line.replace(scratch, container);
        }
    }

    /// Names the place of the service as the source of the files.
    pub fn place(&mut self, place: &DataLocation) {
        for artifact in &mut self.dump.artifacts {
            if let ArtifactContents::Files { source, .. } = &mut artifact.contents {
                *source = place.source.to_string();
            }
        }
    }
}
