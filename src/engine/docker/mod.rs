//! A real Docker Engine, accessed through its API.
//!
//! Every name in a request is checked first (`api`): bollard inserts it into the path unescaped.

mod api;
mod connect;
mod error;
mod exec;
mod far_mounts;
mod helper;
mod holder;
mod live_mounts;
mod mover;
mod ping;
mod run_state;
mod scratch;
mod ssh;
mod timeout;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptions, CreateContainerOptionsBuilder,
    DownloadFromContainerOptionsBuilder, ImportImageOptionsBuilder, RemoveContainerOptions,
    RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use tokio::sync::OnceCell;

use self::api::Api;
use self::connect::ConnectError;
use self::error::ErrorMapper;
use self::live_mounts::LiveProcess;
use super::context::Endpoint;
use super::{
    ByteStream, Container, Engine, EngineError, ExecPipe, HELPER_LABEL, HOLDER_LABEL, Helper, Holder,
    Identity, Image, LabelTest, Layer, LiveEntry, Mount, MountSource, Mover, MoverSource, ReplacedMount,
    Result, Scratch, Volume, VolumeIdentity, are_near, is_abandoned,
};
use crate::policy::Clearance;

const COMPOSE_LABELS: &str = "com.docker.compose.";

/// The engine responds to an upload when it has extracted all of it, however long that takes.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(168);

/// How many containers are inspected concurrently.
const PARALLEL_INSPECTS: usize = 8;

/// How long the kernel may take to look at the directories of a container: a file server may not respond.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to one engine.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    api: Api,
    endpoint: Endpoint,
    errors: ErrorMapper,
    /// Asked once: an engine starts several programs for each answer.
    info: Arc<OnceCell<wire::SystemInfo>>,
    /// Keeps the connection of an `ssh://` endpoint open.
    _tunnel: Option<Arc<ssh::SshTunnel>>,
}

impl DockerEngine {
    /// Connects and negotiates the API version.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self> {
        let errors = ErrorMapper::new(&endpoint.url);
        let behind_ssh = endpoint.url.starts_with("ssh://");
        let tunnel = behind_ssh.then(|| ssh::SshTunnel::open(&endpoint.url)).transpose();
        let tunnel = tunnel.map_err(|error| errors.unreachable(error))?.map(Arc::new);
        let client = match &tunnel {
            Some(tunnel) => {
                connect::negotiated(|version| connect::at_socket(&tunnel.address(), version)).await
            }
            None => connect::to(endpoint).await,
        };
        let client =
            client.map_err(|error| match tunnel.as_deref().and_then(ssh::SshTunnel::last_error) {
                Some(message) => errors.unreachable(anyhow::Error::msg(message)),
                None => match error {
                    ConnectError::Unreachable(error) => errors.unreachable(error),
                    ConnectError::Request(error) => errors.request("report its version", error),
                },
            })?;
        Ok(Self {
            api: Api::new(client),
            endpoint: endpoint.clone(),
            errors,
            info: Arc::default(),
            _tunnel: tunnel,
        })
    }

    /// The answer to `docker info`. `action` is what it is needed for.
    async fn info(&self, action: &str) -> Result<&wire::SystemInfo> {
        let ask = || self.api.get("/info", &[]);
        self.info.get_or_try_init(ask).await.map_err(|error| self.errors.request(action, error))
    }

    async fn container(&self, id: &str) -> Result<Option<wire::ContainerInspect>> {
        self.api.get_named("/containers/", id, "/json").await.map_or_else(
            |error| self.errors.none_if_missing("inspect a container", error),
            |found| Ok(Some(found)),
        )
    }

    /// Containers that match a filter of the engine.
    async fn containers(&self, filter: &str, value: &str) -> Result<Vec<Container>> {
        let listed = self.list_containers(filter, value).await?;
        self.inspect_all(listed).await
    }

    async fn list_containers(&self, filter: &str, value: &str) -> Result<Vec<wire::ContainerSummary>> {
        let filters = json!({ filter: [value] }).to_string();
        self.api
            .get("/containers/json", &[("all", "1"), ("filters", &filters)])
            .await
            .map_err(|error| self.errors.request("list containers", error))
    }

    /// Skips containers that are removed meanwhile.
    async fn inspect_all(&self, listed: Vec<wire::ContainerSummary>) -> Result<Vec<Container>> {
        let mut found: Vec<Container> = futures_util::stream::iter(listed)
            .map(|listed| async move { self.container(&listed.id).await })
            .buffer_unordered(PARALLEL_INSPECTS)
            .try_filter_map(|found| async move { Ok(found.map(wire::ContainerInspect::into_model)) })
            .try_collect()
            .await?;
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// A volume with what tells it from a later one of the same name.
    async fn identified(&self, volume: Volume) -> Result<Volume> {
        let engine = Engine::identity(self).await?;
        let identity = VolumeIdentity::read(&volume, &engine);
        Ok(Volume { identity, ..volume })
    }

    /// Volumes with a label, or with a label of a certain value.
    async fn labelled_volumes(&self, label: &str) -> Result<Vec<Volume>> {
        let filters = json!({ "label": [label] }).to_string();
        self.list_volumes(&[("filters", &filters)]).await
    }

    async fn list_volumes(&self, query: &[(&str, &str)]) -> Result<Vec<Volume>> {
        let listed: wire::VolumeList = self
            .api
            .get("/volumes", query)
            .await
            .map_err(|error| self.errors.request("list volumes", error))?;
        let listed = listed.volumes.unwrap_or_default();
        let mut volumes = Vec::with_capacity(listed.len());
        for volume in listed {
            volumes.push(self.identified(volume.into_model()).await?);
        }
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(volumes)
    }

    /// The container's first process, if it runs on this machine.
    async fn live_process(&self, id: &str) -> Result<Option<LiveProcess>> {
        if !self.endpoint.is_local() {
            return Ok(None);
        }
        let found = self.container(id).await?;
        Ok(found.and_then(|container| LiveProcess::find(container.pid(), &container.id)))
    }

    /// The id of a holder container; refuses any other.
    async fn holder(&self, id: &str, verb: &str) -> Result<String> {
        match self.container(id).await? {
            Some(container) if container.is_holder() => Ok(container.id),
            Some(_) => Err(EngineError::Refused {
                action: format!("{verb} container `{id}`"),
                source: anyhow::anyhow!("not a holder container of safe-compose"),
            }),
            None => Err(EngineError::NotFound { what: format!("container `{id}`") }),
        }
    }
}

/// Looks at files in a thread of its own, which is abandoned if it hangs.
async fn in_thread<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("live-files".to_owned())
        .spawn(move || {
            let _ = sender.send(look());
        })
        .ok()?;
    tokio::time::timeout(LOOK_TIMEOUT, receiver).await.ok()?.ok()
}

/// Podman 4.3 does so with a mount of a container that is stopped or paused, by whatever path it is asked for (measured).
/// While the container runs, and with other versions, the archive is as Docker makes it.
const PODMAN_ARCHIVE: &str = "this version of Podman cannot copy the files of a stopped or paused container; save them with \
     `podman volume export`";

/// Whether a tar archive starts with the root directory: Docker's starts with the directory that was asked for.
fn has_no_directory(start: &[u8]) -> bool {
    start.starts_with(b"/\0")
}

/// Removes a container at once and keeps its volumes.
fn keeping_volumes() -> RemoveContainerOptions {
    RemoveContainerOptionsBuilder::default().force(true).v(false).build()
}

/// Labels that clear Compose's labels of an image, which a container would inherit: images built by Compose have them.
fn blank_compose_labels(image: &wire::ImageInspect) -> HashMap<String, String> {
    image
        .labels()
        .filter(|label| label.starts_with(COMPOSE_LABELS))
        .map(|label| (label.to_owned(), String::new()))
        .collect()
}

#[async_trait]
impl Engine for DockerEngine {
    fn shared(&self) -> Arc<dyn Engine> {
        Arc::new(self.clone())
    }

    async fn identity(&self) -> Result<Identity> {
        let info = self.info("report its identity").await?;
        Ok(Identity {
            local: connect::is_local(&self.endpoint, info),
            containerd_images: info.keeps_images_in_containerd(),
            id: info.stable_id(),
            name: info.name.clone(),
            version: info.server_version.clone(),
            endpoint: self.endpoint.url.clone(),
            root: info.docker_root_dir.clone(),
        })
    }

    async fn project_containers(&self, project: &str) -> Result<Vec<Container>> {
        let mut found = self.containers("label", &format!("com.docker.compose.project={project}")).await?;
        found.retain(|container| !container.labels.contains_key(HELPER_LABEL));
        Ok(found)
    }

    async fn containers_of_projects(&self) -> Result<Vec<Container>> {
        let mut listed = self.list_containers("label", "com.docker.compose.project").await?;
        listed.retain(|one| !one.labels.contains_key(HELPER_LABEL));
        let mut found = self.inspect_all(listed).await?;
        found.retain(|container| container.project().is_some_and(|project| !project.is_empty()));
        Ok(found)
    }

    async fn containers_with_volume(&self, volume: &str) -> Result<Vec<Container>> {
        // The engine's filter also matches destinations.
        let mut found = self.containers("volume", volume).await?;
        found.retain(|container| container.mounts_volume(volume) && container.held_volume() != Some(volume));
        Ok(found)
    }

    async fn running_containers_with(
        &self,
        volumes: &[String],
        directories: &[PathBuf],
    ) -> Result<Vec<Container>> {
        // Podman refuses a state that its containers do not have.
        let states: &[&str] = if self.info("list containers").await?.is_podman() {
            &["running", "paused"]
        } else {
            &["running", "paused", "restarting"]
        };
        let filters = json!({ "status": states }).to_string();
        let mut listed: Vec<wire::ContainerSummary> = self
            .api
            .get("/containers/json", &[("filters", &filters)])
            .await
            .map_err(|error| self.errors.request("list containers", error))?;
        listed.retain(|one| {
            !one.labels.contains_key(HOLDER_LABEL)
                && one.mounts().any(|mount| mount.writes_to(volumes, directories))
        });
        self.inspect_all(listed).await
    }

    async fn containers_of_directory(&self, directory: &Path) -> Result<Vec<Container>> {
        let label = format!("{}={}", super::WORKING_DIR_LABEL, directory.display());
        self.containers("label", &label).await
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        Ok(self.container(id).await?.map(wire::ContainerInspect::into_model))
    }

    async fn containers_in_nearby_directories(
        &self,
        directory: &Path,
        is_wanted: LabelTest,
    ) -> Result<Vec<Container>> {
        let mut listed = self.list_containers("label", super::WORKING_DIR_LABEL).await?;
        listed.retain(|one| {
            let directory_label = one.labels.get(super::WORKING_DIR_LABEL);
            directory_label.is_some_and(|other| are_near(Path::new(other), directory))
                && is_wanted(&one.labels)
        });
        self.inspect_all(listed).await
    }

    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>> {
        self.labelled_volumes(&format!("com.docker.compose.project={project}")).await
    }

    async fn volumes_of_projects(&self) -> Result<Vec<Volume>> {
        self.labelled_volumes("com.docker.compose.project").await
    }

    async fn volumes(&self) -> Result<Vec<Volume>> {
        self.list_volumes(&[]).await
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>> {
        match self.api.get_named::<wire::VolumeInspect>("/volumes/", name, "").await {
            Ok(volume) => Ok(Some(self.identified(volume.into_model()).await?)),
            Err(error) => self.errors.none_if_missing("inspect a volume", error),
        }
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        self.api.get_named::<wire::ImageInspect>("/images/", reference, "/json").await.map_or_else(
            |error| self.errors.none_if_missing("inspect an image", error),
            |image| Ok(Some(image.into_model())),
        )
    }

    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>> {
        let request =
            || self.api.get::<wire::DiskUsage>("/system/df", &[("type", "volume"), ("verbose", "1")]);
        // Older engines compute this for one client at a time and reject others (measured, 20.10).
        let mut usage = request().await;
        for _ in 0..10 {
            if usage.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            usage = request().await;
        }
        Ok(usage.map_err(|error| self.errors.request("report the sizes of volumes", error))?.into_sizes())
    }

    async fn maps_users(&self) -> Result<bool> {
        Ok(self.info("report its configuration").await?.maps_users())
    }

    async fn exec(&self, container: &str, argv: &[&str]) -> Result<ExecPipe> {
        let container =
            api::checked(container).map_err(|error| self.errors.request("run a program", error))?;
        exec::start(self.api.client(), self.errors.clone(), container, argv)
            .await
            .map_err(|error| self.errors.lookup(&format!("container `{container}`"), "run a program", error))
    }

    async fn link_target(&self, container: &str, path: &Path) -> Result<Option<PathBuf>> {
        let action = format!("inspect `{}` in container `{container}`", path.display());
        let container = api::checked(container).map_err(|error| self.errors.request(&action, error))?;
        let options = ContainerArchiveInfoOptionsBuilder::default().path(&path.to_string_lossy()).build();
        match self.api.client().get_container_archive_info(container, Some(options)).await {
            Ok(found) => Ok(Some(PathBuf::from(found.link_target)).filter(|target| target.is_absolute())),
            Err(error) => self.errors.none_if_missing(&action, error).map(|_: Option<()>| None),
        }
    }

    async fn layer(&self, container: &str) -> Result<Layer> {
        let failed = |error| {
            self.errors.lookup(&format!("container `{container}`"), "list the files of a container", error)
        };
        let changes =
            self.api.get_named::<Option<Vec<wire::FileChange>>>("/containers/", container, "/changes");
        let name = api::checked(container).map_err(failed)?;
        let path = format!("/containers/{name}/json");
        let sized = self.api.get::<wire::ContainerSize>(&path, &[("size", "1")]);
        let (changes, sized) = tokio::try_join!(changes, sized).map_err(failed)?;
        let written = changes.unwrap_or_default().into_iter().filter_map(wire::FileChange::written);
        Ok(Layer { bytes: sized.bytes(), written: written.collect() })
    }

    async fn read_archive(&self, container: &str, path: &Path) -> Result<ByteStream> {
        let what = format!("`{}` in container `{container}`", path.display());
        let action = format!("read {what}");
        let container = api::checked(container).map_err(|error| self.errors.request(&action, error))?;
        let options = DownloadFromContainerOptionsBuilder::default().path(&path.to_string_lossy()).build();
        let mut bytes = Box::pin(self.api.client().download_from_container(container, Some(options)));
        // The first chunk tells whether the path exists; an archive is never empty.
        let first = match bytes.next().await {
            Some(Ok(first)) => first,
            Some(Err(error)) => return Err(self.errors.lookup(&what, &action, error)),
            None => return Err(EngineError::NotFound { what }),
        };
        if has_no_directory(&first) && self.info(&action).await?.is_podman() {
            return Err(EngineError::Unsupported(PODMAN_ARCHIVE));
        }
        let rest = bytes.map(|chunk| chunk.map(Vec::from).map_err(std::io::Error::other));
        Ok(Box::pin(futures_util::stream::once(async move { Ok(Vec::from(first)) }).chain(rest)))
    }

    async fn replaced_mounts(&self, container: &Container) -> Result<Vec<ReplacedMount>> {
        let is_bind = |mount: &Mount| !mount.read_only && matches!(mount.source, MountSource::Bind { .. });
        if !container.is_running() || !container.mounts.iter().any(is_bind) {
            return Ok(Vec::new());
        }
        let Some(process) = self.live_process(&container.id).await? else {
            return far_mounts::replaced(self, container).await.map_err(|source| EngineError::Refused {
                action: format!("compare the directories of container `{}` with their paths", container.name),
                source,
            });
        };
        let container = container.clone();
        Ok(in_thread(move || process.replaced(&container)).await.unwrap_or_default())
    }

    async fn live_entry(&self, container: &str, path: &Path) -> Option<LiveEntry> {
        let process = self.live_process(container).await.ok()??;
        let path = path.to_owned();
        in_thread(move || process.look(&path)).await?
    }

    async fn read_live_directory(&self, container: &str, path: &Path) -> Result<ByteStream> {
        let action = format!("read `{}` as the running container `{container}` has it", path.display());
        let refused = |source: anyhow::Error| EngineError::Refused { action: action.clone(), source };
        let process = self.live_process(container).await?;
        let process = process.ok_or_else(|| refused(anyhow::anyhow!("the container does not run here")))?;
        process.read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => refused(
                anyhow::Error::from(error)
                    .context("its files can be read only by root; run the command with sudo"),
            ),
            std::io::ErrorKind::NotFound => {
                EngineError::NotFound { what: format!("`{}` in container `{container}`", path.display()) }
            }
            _ => refused(error.into()),
        })
    }

    async fn write_archive(
        &self,
        container: &str,
        path: &Path,
        tar: ByteStream,
        _: &Clearance,
    ) -> Result<()> {
        let what = format!("`{}` in container `{container}`", path.display());
        let action = format!("write {what}");
        let container = api::checked(container).map_err(|error| self.errors.request(&action, error))?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(&path.to_string_lossy())
            // A file does not replace a directory or vice versa. Owners are those in the archive; `copyUIDGID` would
            // change all owners to the container's user.
            .no_overwrite_dir_non_dir("1")
            .build();
        let body = bollard::body_try_stream(tar.map_ok(Into::into));
        self.api
            .client()
            .clone()
            .with_timeout(UPLOAD_TIMEOUT)
            .upload_to_container(container, Some(options), body)
            .await
            .map_err(|error| self.errors.lookup(&what, &action, error))
    }

    async fn pause(&self, id: &str) -> Result<()> {
        self.pause_container(id).await
    }

    async fn unpause(&self, id: &str) -> Result<()> {
        self.unpause_container(id).await
    }

    async fn stop(&self, id: &str) -> Result<()> {
        self.stop_container(id).await
    }

    async fn start(&self, id: &str) -> Result<()> {
        self.start_container(id).await
    }

    async fn create_helper(&self, helper: &Helper) -> Result<String> {
        let failed = |error| self.errors.request("create a helper container", error);
        // The engine would create a missing volume.
        for (name, _) in &helper.volumes {
            if self.volume(name).await?.is_none() {
                return Err(EngineError::NotFound { what: format!("volume `{name}`") });
            }
        }
        let image: wire::ImageInspect =
            self.api.get_named("/images/", &helper.image, "/json").await.map_err(|error| {
                self.errors.lookup(&format!("image `{}`", helper.image), "inspect an image", error)
            })?;
        let body = helper::body(helper, &image);
        let created =
            self.api.client().create_container(None::<CreateContainerOptions>, body).await.map_err(failed)?;
        Ok(created.id)
    }

    async fn abandoned_helpers(&self) -> Result<Vec<String>> {
        let mut listed = self.list_containers("label", HELPER_LABEL).await?;
        listed.retain(|one| is_abandoned(&one.labels, one.state()));
        Ok(listed.into_iter().map(|one| one.id).collect())
    }

    async fn create_mover(&self, mover: &Mover) -> Result<String> {
        // The engine would create a missing volume.
        if let MoverSource::Volume(name) = &mover.source
            && self.volume(name).await?.is_none()
        {
            return Err(EngineError::NotFound { what: format!("volume `{name}`") });
        }
        let created = self
            .api
            .client()
            .create_container(None::<CreateContainerOptions>, mover::body(mover))
            .await
            .map_err(|error| self.errors.request("create a mover container", error))?;
        Ok(created.id)
    }

    async fn run_mover(&self, id: &str, _: &Clearance) -> Result<i64> {
        mover::run(self, id).await
    }

    async fn remove_helper(&self, id: &str) -> Result<()> {
        let Some(container) = self.container(id).await? else {
            return Ok(());
        };
        if !container.is_helper() {
            return Err(EngineError::Refused {
                action: format!("remove container `{id}`"),
                source: anyhow::anyhow!("not a helper container of safe-compose"),
            });
        }
        match self.api.client().remove_container(&container.id, Some(keeping_volumes())).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.errors.none_if_missing("remove a helper container", error).map(|_: Option<()>| ())
            }
        }
    }

    async fn architecture(&self) -> Result<String> {
        Ok(self.info("report its architecture").await?.architecture.clone())
    }

    async fn load_image(&self, tar: Vec<u8>) -> Result<()> {
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        self.api
            .client()
            .import_image(options, bollard::body_full(tar.into()), None)
            .try_for_each(|_| async { Ok(()) })
            .await
            .map_err(|error| self.errors.request("load an image", error))
    }

    async fn holders(&self) -> Result<Vec<Container>> {
        self.containers("label", HOLDER_LABEL).await
    }

    async fn create_holder(&self, holder: &Holder) -> Result<()> {
        let image: wire::ImageInspect =
            self.api.get_named("/images/", &holder.image, "/json").await.map_err(|error| {
                self.errors.lookup(&format!("image `{}`", holder.image), "inspect an image", error)
            })?;
        let name = api::checked(&holder.name)
            .map_err(|error| self.errors.request("create a holder container", error))?;
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let body = holder::body(holder, blank_compose_labels(&image));
        let created = self
            .api
            .client()
            .create_container(Some(options), body)
            .await
            .map_err(|error| self.errors.request("create a holder container", error))?;
        let started = self.api.client().start_container(&created.id, None).await;
        let Err(error) = started else { return Ok(()) };
        // A holder that does not run does not protect from `prune`, and its name would block the next attempt.
        let _ = self.api.client().remove_container(&created.id, Some(keeping_volumes())).await;
        Err(self.errors.request("start a holder container", error))
    }

    async fn start_holder(&self, id: &str) -> Result<()> {
        let id = self.holder(id, "start").await?;
        self.api
            .client()
            .start_container(&id, None)
            .await
            .map_err(|error| self.errors.request("start a holder container", error))
    }

    async fn remove_holder(&self, id: &str, _: &Clearance) -> Result<()> {
        let id = self.holder(id, "remove").await?;
        match self.api.client().remove_container(&id, Some(keeping_volumes())).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.errors.none_if_missing("remove a holder container", error).map(|_: Option<()>| ())
            }
        }
    }

    async fn create_scratch(&self, scratch: &Scratch) -> Result<()> {
        scratch::create(self, scratch).await
    }

    async fn start_scratch(&self, name: &str) -> Result<Container> {
        scratch::start(self, name).await
    }

    async fn scratch_containers(&self, owner: &str) -> Result<Vec<String>> {
        scratch::list(self, owner).await
    }

    async fn remove_scratch(&self, name: &str) -> Result<()> {
        scratch::remove(self, name).await
    }
}
