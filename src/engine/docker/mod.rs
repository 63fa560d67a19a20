//! A real Docker Engine, through its API.
//!
//! Every name that goes into a request is checked first (`api`): the client library pastes it into the address as it is.

mod api;
mod connect;
mod exec;
mod failure;
mod helper;
mod holder;
mod scratch;
mod ssh;
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

use self::api::Api;
use self::failure::Failures;
use super::context::Endpoint;
use super::{
    ByteStream, Container, Engine, EngineError, ExecPipe, HELPER_LABEL, HOLDER_LABEL, Helper, Holder,
    Identity, Image, Result, Scratch, Volume, is_beside,
};
use crate::policy::Clearance;

const COMPOSE_LABELS: &str = "com.docker.compose.";

/// The engine answers an upload when it has unpacked all of it, however long that takes.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many containers are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// A connection to one engine.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    api: Api,
    endpoint: Endpoint,
    failures: Failures,
    /// The way to it, where it is behind `ssh`.
    _way: Option<Arc<ssh::Way>>,
}

impl DockerEngine {
    /// Connects, and agrees with the engine on a version of the API.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self> {
        let failures = Failures::of(&endpoint.url);
        let behind_ssh = endpoint.url.starts_with("ssh://");
        let way = behind_ssh.then(|| ssh::Way::open(&endpoint.url)).transpose();
        let way = way.map_err(|error| failures.unreachable(error))?.map(Arc::new);
        let client = match &way {
            Some(way) => connect::at_socket(&way.address()),
            None => connect::client(endpoint),
        };
        let client = client.map_err(|error| failures.unreachable(error))?.negotiate_version().await;
        let client = client.map_err(|error| match way.as_deref().and_then(ssh::Way::complaint) {
            Some(complaint) => failures.unreachable(anyhow::Error::msg(complaint)),
            None => failures.asking("tell its version", error),
        })?;
        Ok(Self { api: Api::new(client), endpoint: endpoint.clone(), failures, _way: way })
    }

    async fn container(&self, id: &str) -> Result<Option<wire::Container>> {
        self.api.get_named("/containers/", id, "/json").await.map_or_else(
            |error| self.failures.unless_missing("describe a container", error),
            |found| Ok(Some(found)),
        )
    }

    /// Containers by one of the engine's filters.
    async fn containers(&self, filter: &str, value: &str) -> Result<Vec<Container>> {
        let listed = self.listed(filter, value).await?;
        self.looked_at(listed).await
    }

    async fn listed(&self, filter: &str, value: &str) -> Result<Vec<wire::Listed>> {
        let filters = json!({ filter: [value] }).to_string();
        self.api
            .get("/containers/json", &[("all", "1"), ("filters", &filters)])
            .await
            .map_err(|error| self.failures.asking("list containers", error))
    }

    /// One that goes away meanwhile is left out.
    async fn looked_at(&self, listed: Vec<wire::Listed>) -> Result<Vec<Container>> {
        let mut found: Vec<Container> = futures_util::stream::iter(listed)
            .map(|listed| async move { self.container(&listed.id).await })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_filter_map(|found| async move { Ok(found.map(wire::Container::into_ours)) })
            .try_collect()
            .await?;
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// The id of a container that is a holder; any other is refused.
    async fn holder(&self, id: &str, verb: &str) -> Result<String> {
        match self.container(id).await? {
            Some(container) if container.is_holder() => Ok(container.id),
            Some(_) => Err(EngineError::Refused {
                action: format!("{verb} container `{id}`"),
                source: anyhow::anyhow!("it is not a holder of ours"),
            }),
            None => Err(EngineError::NotFound { what: format!("container `{id}`") }),
        }
    }
}

/// How a container of ours is removed: at once, and its volumes stay.
fn gone_but_volumes() -> RemoveContainerOptions {
    RemoveContainerOptionsBuilder::default().force(true).v(false).build()
}

/// Labels that take away what a container would inherit: an image that Compose has built carries Compose's labels.
fn blanked(image: &wire::Image) -> HashMap<String, String> {
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
        let info: wire::Info = self
            .api
            .get("/info", &[])
            .await
            .map_err(|error| self.failures.asking("tell who it is", error))?;
        Ok(Identity {
            local: connect::is_local(&self.endpoint, &info),
            containerd_images: info.keeps_images_in_containerd(),
            id: info.id,
            name: info.name,
            version: info.server_version,
            endpoint: self.endpoint.url.clone(),
            root: info.docker_root_dir,
        })
    }

    async fn project_containers(&self, project: &str) -> Result<Vec<Container>> {
        let mut found = self.containers("label", &format!("com.docker.compose.project={project}")).await?;
        found.retain(|container| !container.labels.contains_key(HELPER_LABEL));
        Ok(found)
    }

    async fn containers_with_volume(&self, volume: &str) -> Result<Vec<Container>> {
        // The engine's filter also takes a destination for a match.
        let mut found = self.containers("volume", volume).await?;
        found.retain(|container| container.mounts_volume(volume) && container.held_volume() != Some(volume));
        Ok(found)
    }

    async fn containers_of_directory(&self, directory: &Path) -> Result<Vec<Container>> {
        let label = format!("{}={}", super::WORKING_DIR_LABEL, directory.display());
        self.containers("label", &label).await
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        Ok(self.container(id).await?.map(wire::Container::into_ours))
    }

    async fn containers_beside(&self, directory: &Path) -> Result<Vec<Container>> {
        let mut listed = self.listed("label", super::WORKING_DIR_LABEL).await?;
        listed.retain(|one| {
            let made_from = one.labels.get(super::WORKING_DIR_LABEL);
            made_from.is_some_and(|made_from| is_beside(Path::new(made_from), directory))
        });
        self.looked_at(listed).await
    }

    async fn project_volumes(&self, project: &str) -> Result<Vec<Volume>> {
        let filters = json!({ "label": [format!("com.docker.compose.project={project}")] }).to_string();
        let listed: wire::Volumes = self
            .api
            .get("/volumes", &[("filters", &filters)])
            .await
            .map_err(|error| self.failures.asking("list volumes", error))?;
        let mut volumes: Vec<Volume> =
            listed.volumes.unwrap_or_default().into_iter().map(wire::Volume::into_ours).collect();
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(volumes)
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>> {
        self.api.get_named::<wire::Volume>("/volumes/", name, "").await.map_or_else(
            |error| self.failures.unless_missing("describe a volume", error),
            |volume| Ok(Some(volume.into_ours())),
        )
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        self.api.get_named::<wire::Image>("/images/", reference, "/json").await.map_or_else(
            |error| self.failures.unless_missing("describe an image", error),
            |image| Ok(Some(image.into_ours())),
        )
    }

    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>> {
        let ask = || self.api.get::<wire::DiskUsage>("/system/df", &[("type", "volume"), ("verbose", "1")]);
        // An engine of this time measures for one asker at once, and turns others away (measured, 20.10).
        let mut usage = ask().await;
        for _ in 0..10 {
            if usage.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            usage = ask().await;
        }
        Ok(usage.map_err(|error| self.failures.asking("measure volumes", error))?.into_sizes())
    }

    async fn maps_users(&self) -> Result<bool> {
        let info: wire::Info = self
            .api
            .get("/info", &[])
            .await
            .map_err(|error| self.failures.asking("tell how it runs", error))?;
        Ok(info.maps_users())
    }

    async fn exec(&self, container: &str, argv: &[&str]) -> Result<ExecPipe> {
        let container =
            api::checked(container).map_err(|error| self.failures.asking("run a program", error))?;
        exec::start(self.api.client(), container, argv)
            .await
            .map_err(|error| self.failures.about(&format!("container `{container}`"), "run a program", error))
    }

    async fn link_target(&self, container: &str, path: &Path) -> Result<Option<PathBuf>> {
        let action = format!("look at `{}` in container `{container}`", path.display());
        let container = api::checked(container).map_err(|error| self.failures.asking(&action, error))?;
        let options = ContainerArchiveInfoOptionsBuilder::default().path(&path.to_string_lossy()).build();
        match self.api.client().get_container_archive_info(container, Some(options)).await {
            Ok(found) => Ok(Some(PathBuf::from(found.link_target)).filter(|target| target.is_absolute())),
            Err(error) => self.failures.unless_missing(&action, error).map(|_: Option<()>| None),
        }
    }

    async fn read_archive(&self, container: &str, path: &Path) -> Result<ByteStream> {
        let what = format!("`{}` in container `{container}`", path.display());
        let action = format!("read {what}");
        let container = api::checked(container).map_err(|error| self.failures.asking(&action, error))?;
        let options = DownloadFromContainerOptionsBuilder::default().path(&path.to_string_lossy()).build();
        let mut bytes = Box::pin(self.api.client().download_from_container(container, Some(options)));
        // The first piece tells whether there is anything to read; an archive is never empty.
        let first = match bytes.next().await {
            Some(Ok(first)) => first,
            Some(Err(error)) => return Err(self.failures.about(&what, &action, error)),
            None => return Err(EngineError::NotFound { what }),
        };
        let rest = bytes.map(|piece| piece.map(Vec::from).map_err(std::io::Error::other));
        Ok(Box::pin(futures_util::stream::once(async move { Ok(Vec::from(first)) }).chain(rest)))
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
        let container = api::checked(container).map_err(|error| self.failures.asking(&action, error))?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(&path.to_string_lossy())
            // A file does not take the place of a directory, nor the other way round. Owners stay as the archive has
            // them; `copyUIDGID` would give everything to the container's user.
            .no_overwrite_dir_non_dir("1")
            .build();
        let body = bollard::body_try_stream(tar.map_ok(Into::into));
        self.api
            .client()
            .clone()
            .with_timeout(UPLOAD_PATIENCE)
            .upload_to_container(container, Some(options), body)
            .await
            .map_err(|error| self.failures.about(&what, &action, error))
    }

    async fn create_helper(&self, helper: &Helper) -> Result<String> {
        let asking = |error| self.failures.asking("create a helper container", error);
        // A volume that does not exist would be made, empty.
        for (name, _) in &helper.volumes {
            if self.volume(name).await?.is_none() {
                return Err(EngineError::NotFound { what: format!("volume `{name}`") });
            }
        }
        let image: wire::Image =
            self.api.get_named("/images/", &helper.image, "/json").await.map_err(|error| {
                self.failures.about(&format!("image `{}`", helper.image), "describe an image", error)
            })?;
        let body = helper::body(helper, &image);
        let created =
            self.api.client().create_container(None::<CreateContainerOptions>, body).await.map_err(asking)?;
        Ok(created.id)
    }

    async fn remove_helper(&self, id: &str) -> Result<()> {
        let Some(container) = self.container(id).await? else {
            return Ok(());
        };
        if !container.is_helper() {
            return Err(EngineError::Refused {
                action: format!("remove container `{id}`"),
                source: anyhow::anyhow!("it is not one of ours"),
            });
        }
        match self.api.client().remove_container(&container.id, Some(gone_but_volumes())).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.failures.unless_missing("remove a helper container", error).map(|_: Option<()>| ())
            }
        }
    }

    async fn architecture(&self) -> Result<String> {
        let info: wire::Info = self
            .api
            .get("/info", &[])
            .await
            .map_err(|error| self.failures.asking("tell its architecture", error))?;
        Ok(info.architecture)
    }

    async fn load_image(&self, tar: Vec<u8>) -> Result<()> {
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        self.api
            .client()
            .import_image(options, bollard::body_full(tar.into()), None)
            .try_for_each(|_| async { Ok(()) })
            .await
            .map_err(|error| self.failures.asking("load an image", error))
    }

    async fn holders(&self) -> Result<Vec<Container>> {
        self.containers("label", HOLDER_LABEL).await
    }

    async fn create_holder(&self, holder: &Holder) -> Result<()> {
        let image: wire::Image =
            self.api.get_named("/images/", &holder.image, "/json").await.map_err(|error| {
                self.failures.about(&format!("image `{}`", holder.image), "describe an image", error)
            })?;
        let name = api::checked(&holder.name)
            .map_err(|error| self.failures.asking("create a holder container", error))?;
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let body = holder::body(holder, blanked(&image));
        let created = self
            .api
            .client()
            .create_container(Some(options), body)
            .await
            .map_err(|error| self.failures.asking("create a holder container", error))?;
        let started = self.api.client().start_container(&created.id, None).await;
        let Err(error) = started else { return Ok(()) };
        // What cannot start protects nothing for long, and would be in the way of the next try.
        let _ = self.api.client().remove_container(&created.id, Some(gone_but_volumes())).await;
        Err(self.failures.asking("start a holder container", error))
    }

    async fn start_holder(&self, id: &str) -> Result<()> {
        let id = self.holder(id, "start").await?;
        self.api
            .client()
            .start_container(&id, None)
            .await
            .map_err(|error| self.failures.asking("start a holder container", error))
    }

    async fn remove_holder(&self, id: &str, _: &Clearance) -> Result<()> {
        let id = self.holder(id, "remove").await?;
        match self.api.client().remove_container(&id, Some(gone_but_volumes())).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.failures.unless_missing("remove a holder container", error).map(|_: Option<()>| ())
            }
        }
    }

    async fn start_scratch(&self, scratch: &Scratch) -> Result<Container> {
        scratch::start(self, scratch).await
    }

    async fn scratches(&self, owner: &str) -> Result<Vec<String>> {
        scratch::list(self, owner).await
    }

    async fn remove_scratch(&self, name: &str) -> Result<()> {
        scratch::remove(self, name).await
    }
}
