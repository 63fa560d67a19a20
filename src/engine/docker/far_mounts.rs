//! The bind mounts of a running container whose processes this machine cannot look at: its engine is elsewhere, or in a
//! virtual machine.
//!
//! A program in the container reads `mountinfo`, where the kernel names each mounted directory by its present path in its
//! file system. If that is the end of the path that the engine knows, the path still leads there. Otherwise a link may be
//! in the path, or another directory may have taken its place: a container with a fresh mount shows where it leads now.
//!
//! A file system that was unmounted, with the same path on the one below it, is not noticed.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptions, LogsOptionsBuilder, StartContainerOptions,
    WaitContainerOptionsBuilder,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncReadExt as _;

use super::live_mounts::{MountEntry, parse};
use super::{DockerEngine, api, helper, wire};
use crate::engine::{Container, Engine as _, MountSource, ReplacedMount};

/// How long the programs may take, for one container.
const TIMEOUT: Duration = Duration::from_secs(15);

/// No process has as much.
const MOST: u64 = 4 << 20;

/// Where a container mounts a path only to show where it leads.
const SHOWN_AT: &str = "/safe-compose";

/// The bit of a directory in the engine's file modes, which are Go's.
const IS_DIRECTORY: u32 = 1 << 31;

/// The writable directories whose paths on the engine's host lead somewhere else now. Fails where that cannot be told, for
/// example because the image has no `cat`.
pub(super) async fn replaced(
    engine: &DockerEngine,
    container: &Container,
) -> anyhow::Result<Vec<ReplacedMount>> {
    tokio::time::timeout(TIMEOUT, find(engine, container))
        .await
        .context("the engine did not answer in time")?
}

async fn find(engine: &DockerEngine, container: &Container) -> anyhow::Result<Vec<ReplacedMount>> {
    let mounted = parse(&mountinfo(engine, &container.id).await?);
    let mut replaced = Vec::new();
    for mount in container.mounts.iter().filter(|mount| !mount.read_only) {
        let MountSource::Bind { path } = &mount.source else { continue };
        let entry = mounted.iter().rev().find(|entry| entry.mount_point == mount.destination);
        let Some(entry) = entry.filter(|entry| !ends_with(path, entry)) else { continue };
        // An editor that saves a file replaces it too.
        if !may_be_directory(engine, container, &mount.destination).await? {
            continue;
        }
        if entry.is_deleted() || leads_elsewhere(engine, container, path, entry).await? {
            replaced.push(ReplacedMount {
                destination: mount.destination.clone(),
                path: path.clone(),
                deleted: entry.is_deleted(),
            });
        }
    }
    Ok(replaced)
}

/// Whether a path on the host ends with the mounted directory's path in its file system. The top of a file system is
/// mounted at any path.
fn ends_with(path: &Path, entry: &MountEntry) -> bool {
    let below = entry.root.strip_prefix("/").unwrap_or(&entry.root);
    !below.as_os_str().is_empty() && path.ends_with(below)
}

async fn mountinfo(engine: &DockerEngine, container: &str) -> anyhow::Result<Vec<u8>> {
    let program = engine.exec(container, &["cat", "/proc/self/mountinfo"]).await?;
    let mut text = Vec::new();
    program.stdout.take(MOST).read_to_end(&mut text).await?;
    let end = program.end.await?;
    anyhow::ensure!(
        end.code == 0,
        "`cat /proc/self/mountinfo` in the container failed: {}",
        end.stderr.trim()
    );
    Ok(text)
}

/// Whether the path on the host leads to a directory, or to nothing.
async fn may_be_directory(engine: &DockerEngine, container: &Container, path: &Path) -> anyhow::Result<bool> {
    let options = ContainerArchiveInfoOptionsBuilder::default().path(&path.to_string_lossy()).build();
    let id = api::checked(&container.id).map_err(|error| engine.errors.request("inspect a path", error))?;
    match engine.api.client().get_container_archive_info(id, Some(options)).await {
        Ok(found) => Ok(found.file_mode & IS_DIRECTORY != 0),
        Err(error) => engine
            .errors
            .none_if_missing("inspect a path", error)
            .map(|_: Option<()>| true)
            .map_err(Into::into),
    }
}

/// Mounts a path in a container of the same image, and compares.
async fn leads_elsewhere(
    engine: &DockerEngine,
    container: &Container,
    path: &Path,
    entry: &MountEntry,
) -> anyhow::Result<bool> {
    let client = engine.api.client();
    let image: wire::ImageInspect = engine
        .api
        .get_named("/images/", &container.image_id, "/json")
        .await
        .map_err(|error| engine.errors.request("inspect an image", error))?;
    let body = body(&container.image_id, &image, path);
    let created = match client.create_container(None::<CreateContainerOptions>, body).await {
        Ok(created) => created,
        Err(error) if error.to_string().contains("bind source path does not exist") => return Ok(true),
        Err(error) => return Err(engine.errors.request("create a helper container", error).into()),
    };
    let shown = output(engine, &created.id).await;
    engine.remove_helper(&created.id).await?;
    let shown = parse(&shown?);
    let now = shown.iter().rev().find(|entry| entry.mount_point == Path::new(SHOWN_AT));
    let now = now.context("the container does not show its mounts")?;
    Ok((&now.device, &now.root) != (&entry.device, &entry.root))
}

fn body(id: &str, image: &wire::ImageInspect, path: &Path) -> ContainerCreateBody {
    let shown = Mount {
        typ: Some(MountType::BIND),
        source: Some(path.to_string_lossy().into_owned()),
        target: Some(SHOWN_AT.to_owned()),
        read_only: Some(true),
        ..Default::default()
    };
    ContainerCreateBody {
        image: Some(id.to_owned()),
        entrypoint: Some(vec!["cat".to_owned(), "/proc/self/mountinfo".to_owned()]),
        cmd: Some(Vec::new()),
        user: Some("0".to_owned()),
        labels: Some(helper::labels(image)),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            // Unlike a short mount, it does not create a missing path.
            mounts: Some(std::iter::once(shown).chain(image.volumes().map(helper::cover)).collect()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            // The image may have directories that root cannot enter otherwise.
            cap_add: Some(vec!["DAC_OVERRIDE".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: None }),
            init: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Runs a container to its end; what it printed.
async fn output(engine: &DockerEngine, id: &str) -> anyhow::Result<Vec<u8>> {
    let client = engine.api.client();
    client.start_container(id, None::<StartContainerOptions>).await?;
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    client.wait_container(id, Some(options)).next().await.context("the engine did not report its end")??;
    let options = LogsOptionsBuilder::default().stdout(true).build();
    let printed: Vec<LogOutput> = client.logs(id, Some(options)).try_collect().await?;
    Ok(printed.into_iter().flat_map(|part| part.into_bytes().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(root: &str) -> MountEntry {
        MountEntry { device: "8:1".into(), root: root.into(), mount_point: "/data".into() }
    }

    #[test]
    fn a_path_that_ends_with_the_directory_leads_there() {
        let path = Path::new("/srv/app/data");
        for (root, ends) in [
            ("/srv/app/data", true),
            ("/app/data", true),
            ("/srv/app.old/data", false),
            ("/srv/app/data//deleted", false),
            ("/@/srv/app/data", false),
            ("/", false),
        ] {
            assert_eq!(ends_with(path, &entry(root)), ends, "{root}");
        }
    }
}
