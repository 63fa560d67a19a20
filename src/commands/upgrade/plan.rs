//! What an upgrade does, found out without changing anything.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::conversion::{self, Conversion};
use super::refuse::refuse;
use super::{place, servers};
use crate::backup::driver::evidence;
use crate::backup::manifest::BackupRole;
use crate::cli::{Format, UpgradeArgs};
use crate::commands::context::{ProjectContext, no_engine};
use crate::commands::dry_run::{DryRun, PlannedChange};
use crate::commands::mode::Mode;
use crate::commands::restore::uses;
use crate::commands::versions::{self, ServiceVersions};
use crate::commands::{format, former_image};
use crate::compose::model::Service;
use crate::engine::{Container, VolumeIdentity};
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::free_bytes;
use crate::inventory::version::{self, ServerProgram, ServerVersion, VersionChange};
use crate::inventory::{DataLocation, LocationSource, Store, StoreKind};
use crate::policy::{Assessment, Effect, Impact, Subject, Token};
use crate::units::{Age, Bytes};

/// How long the engine may take to measure its volumes: the estimate of the downtime depends on it.
const SIZE_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether there is anything to upgrade.
pub(super) enum Found {
    Nothing { what: String },
    Upgrade(Box<UpgradePlan>),
}

/// See the head of this file.
pub(super) struct UpgradePlan {
    /// The files of the service as they are now.
    pub(super) store: Store,
    pub(super) service: Service,
    pub(super) data: ServerVersion,
    pub(super) server: ServerVersion,
    /// The image in the file.
    pub(super) image: String,
    /// The image that has the version of the data.
    pub(super) former_image: String,
    pub(super) conversion: Conversion,
    /// Where the data is in the new container.
    pub(super) place: DataLocation,
    /// The directory of the data of PostgreSQL, before and afterwards.
    pub(super) directories: Option<(PathBuf, PathBuf)>,
    pub(super) is_running: bool,
    /// The services that use the files now, this one included.
    pub(super) users: BTreeSet<String>,
    pub(super) bytes: Option<u64>,
    /// The images that the engine lacks.
    pub(super) missing: Vec<String>,
}

pub(super) fn report_nothing(cx: &ProjectContext<'_>, mode: Mode, output: Format, what: &str) {
    match (mode, output) {
        (_, Format::Text) => cx.ui().good(format!("nothing to upgrade: {what}.")),
        (Mode::DryRun, Format::Json) => {
            DryRun::new("upgrade", Vec::new()).show(cx.ui(), output);
        }
        (Mode::Apply(_), Format::Json) => {
            cx.ui().result(format::json(&json!({ "upgraded": false, "reason": what })));
        }
    }
}

/// Finds out what has to be done.
pub(super) async fn find(cx: &ProjectContext<'_>, args: &UpgradeArgs) -> Result<Found, Failure> {
    let store = one_store(cx, &args.service)?;
    let service = declared(cx, &args.service)?;
    let reference = service
        .image
        .clone()
        .or_else(|| store.image.clone())
        .ok_or_else(|| refuse(format!("the Compose file names no image for `{}`", args.service)))?;
    let (data, versions) = versions::of_service(cx, &store, &service, &reference).await?;
    let Some(versions) = versions else {
        if has_image(cx, &store, &reference).await? {
            let what = format!("`{}` has its image `{reference}` already", args.service);
            return Ok(Found::Nothing { what });
        }
        let Some(data) = data else {
            return Err(refuse(format!("the version of the data of `{}` is not known", args.service))
                .say("`upgrade` knows those of PostgreSQL, MySQL, MariaDB, MongoDB, Redis, Valkey and Qdrant, where a server has run on them."));
        };
        let failure = refuse(format!(
            "the data of `{}` is of {data}, and the version of the server in `{reference}` is not known",
            args.service
        ));
        return Err(failure.run("If the image was not pulled yet", cx.suggest().pull(&args.service)));
    };
    let Some(conversion) = conversion::of(cx, &args.service, &versions)? else {
        let ServiceVersions { data, reference, .. } = versions;
        let what = format!("the data of `{}` is of {data}, and `{reference}` opens it", args.service);
        return Ok(Found::Nothing { what });
    };
    let ServiceVersions { data, server, reference, image, .. } = versions;
    let (place, directories) = match conversion {
        Conversion::Dump => {
            let new = servers::directory(version::files_of_service(&service, image.as_ref()));
            let former = servers::former_data(&store, &service);
            let (Some(former), Some(new)) = (former, new) else {
                return Err(refuse(format!("the data directory of `{}` is not known", args.service)));
            };
            (place::same_place(cx, &store, &service, (&former, &new))?, Some((former, new)))
        }
        Conversion::Steps(_) | Conversion::ByServer => (place::same_mount(cx, &store, &service)?, None),
    };
    let former_image = match &args.former_image {
        Some(image) => image.clone(),
        None => former_image(cx, &store, &data, &reference).await?,
    };
    let users: BTreeSet<String> = cx
        .containers
        .iter()
        .filter(|container| uses(container, &store))
        .filter_map(|container| container.service().map(str::to_owned))
        .collect();
    let mut plan = UpgradePlan {
        is_running: store.is_running(),
        service,
        data,
        server,
        image: reference,
        former_image,
        conversion,
        place,
        directories,
        users,
        bytes: None,
        missing: Vec::new(),
        store: Store { kind: StoreKind::Volume, ..store },
    };
    ensure_alone(cx, &plan).await?;
    plan.bytes = size(cx, &plan.place).await;
    ensure_space(cx, &plan)?;
    plan.missing = missing(cx, &plan).await?;
    Ok(Found::Upgrade(Box::new(plan)))
}

/// Whether the container of a store has this image.
async fn has_image(cx: &ProjectContext<'_>, store: &Store, reference: &str) -> Result<bool, Failure> {
    let image = cx.engine.image(reference).await.map_err(no_engine)?;
    Ok(image.zip(store.container.as_ref()).is_some_and(|(image, container)| image.id == container.image_id))
}

/// The only store of a service.
fn one_store(cx: &ProjectContext<'_>, service: &str) -> Result<Store, Failure> {
    let mut stores = cx.inventory.stores.iter().filter(|store| store.service == service);
    match (stores.next(), stores.next()) {
        (Some(store), None) => Ok(store.clone()),
        (Some(_), Some(_)) => {
            Err(refuse(format!("`{service}` has several containers, and only one can be upgraded")))
        }
        (None, _) => Err(refuse(format!("no service `{service}` holds data in this project"))),
    }
}

fn declared(cx: &ProjectContext<'_>, service: &str) -> Result<Service, Failure> {
    let model = cx.project.whole_model();
    model.and_then(|model| model.services.get(service)).cloned().ok_or_else(|| {
        refuse(format!("the Compose file has no service `{service}`, so its new image is not known"))
    })
}

/// The image of the container if it has the version of the data, else that of the newest backup, else the same name with that
/// version.
async fn former_image(
    cx: &ProjectContext<'_>,
    store: &Store,
    data: &ServerVersion,
    reference: &str,
) -> Result<String, Failure> {
    let fits = |found: Option<ServerVersion>| {
        found.is_some_and(|found| {
            found.program == data.program && version::change(data, &found) == VersionChange::None
        })
    };
    if let Some(container) = &store.container
        && fits(evidence::version_of_image(cx.engine.as_ref(), container).await)
    {
        return former_image::name_of(cx, container).await.map_err(no_engine);
    }
    let backups = cx.root.list(Some(&store.id)).map(|listing| listing.backups).unwrap_or_default();
    for backup in backups.iter().rev().filter(|backup| backup.manifest.role == BackupRole::Normal) {
        let manifest = &backup.manifest;
        for image in [&manifest.image, &manifest.image_id] {
            let Ok(Some(found)) = cx.engine.image(image).await else { continue };
            if found.id == manifest.image_id && fits(version::of_image(&manifest.image, Some(&found))) {
                return Ok(image.clone());
            }
        }
    }
    let numbers: Vec<String> = match data.program {
        ServerProgram::PostgreSql => data.numbers.iter().take(1).map(u32::to_string).collect(),
        _ => data.numbers.iter().map(u32::to_string).collect(),
    };
    Ok(conversion::with_version(reference, &numbers.join(".")))
}

/// Fails if something that Compose does not stop with the services may write to the files.
async fn ensure_alone(cx: &ProjectContext<'_>, plan: &UpgradePlan) -> Result<(), Failure> {
    let (volumes, directories): (Vec<String>, Vec<PathBuf>) = match &plan.place.source {
        LocationSource::Volume { name: Some(name), .. } => (vec![name.clone()], Vec::new()),
        LocationSource::Bind { path } => (Vec::new(), vec![path.clone()]),
        LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs | LocationSource::Layer => {
            return Ok(());
        }
    };
    let found = cx.engine.running_containers_with(&volumes, &directories).await.map_err(no_engine)?;
    let is_stopped = |container: &&Container| {
        container.project() == Some(cx.project.name.as_str())
            && !container.is_one_off()
            && container.service().is_some_and(|service| plan.users.contains(service))
    };
    match found.iter().find(|container| !is_stopped(container)) {
        Some(other) => Err(refuse(format!(
            "container `{}` uses the data of `{}` too, and would write to it meanwhile",
            other.name, plan.store.service
        ))
        .say("Stop it first.")),
        None => Ok(()),
    }
}

/// The data exists twice on the engine's disk at the same time, at most, apart from the backups.
fn ensure_space(cx: &ProjectContext<'_>, plan: &UpgradePlan) -> Result<(), Failure> {
    let Some(bytes) = plan.bytes.filter(|_| cx.identity().local) else { return Ok(()) };
    let Ok(free) = free_bytes(&cx.identity().root) else { return Ok(()) };
    let needed = bytes + bytes / 4;
    if free >= needed {
        return Ok(());
    }
    Err(Failure::new(
        Exit::BackupFailed,
        format!(
            "the disk of the engine has {} free, and the upgrade needs about {}",
            Bytes(free),
            Bytes(needed)
        ),
    )
    .say("Nothing was changed."))
}

async fn size(cx: &ProjectContext<'_>, place: &DataLocation) -> Option<u64> {
    let LocationSource::Volume { name: Some(name), .. } = &place.source else { return None };
    let sizes = tokio::time::timeout(SIZE_TIMEOUT, cx.engine.volume_sizes()).await;
    sizes.ok()?.ok()?.get(name).copied()
}

/// The images that are not on the engine.
async fn missing(cx: &ProjectContext<'_>, plan: &UpgradePlan) -> Result<Vec<String>, Failure> {
    let mut missing = Vec::new();
    for image in plan.images() {
        if cx.engine.image(image).await.map_err(no_engine)?.is_none() {
            missing.push(image.to_owned());
        }
    }
    Ok(missing)
}

impl UpgradePlan {
    /// The images that are needed.
    pub(super) fn images(&self) -> BTreeSet<&str> {
        let mut images = BTreeSet::from([self.image.as_str(), self.former_image.as_str()]);
        match &self.conversion {
            Conversion::Steps(steps) => images.extend(steps.iter().map(String::as_str)),
            Conversion::Dump | Conversion::ByServer => {}
        }
        images
    }

    /// The data that is replaced.
    pub(super) fn subject(&self, cx: &ProjectContext<'_>) -> (Subject, Option<String>) {
        match &self.place.source {
            LocationSource::Volume { name: Some(name), anonymous } => {
                let volume = cx.volumes.iter().find(|volume| volume.name == *name);
                let created = volume.and_then(|volume| volume.created.clone());
                let identity = volume.and_then(|volume| volume.identity.as_ref()).map(VolumeIdentity::line);
                (Subject::Volume { name: name.clone(), created, anonymous: *anonymous }, identity)
            }
            LocationSource::Bind { path } => (Subject::Directory { path: path.display().to_string() }, None),
            LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs | LocationSource::Layer => {
                (Subject::Service { name: self.store.service.clone() }, None)
            }
        }
    }

    /// What has to be confirmed.
    pub(super) fn assessment(&self, cx: &ProjectContext<'_>) -> Assessment {
        let (subject, identity) = self.subject(cx);
        let reason = match self.conversion {
            Conversion::Dump | Conversion::Steps(_) => {
                format!("it is replaced by the same data of {}", self.server)
            }
            Conversion::ByServer => format!("{} converts it when it starts", self.server),
        };
        let impact = Impact {
            identity,
            services: BTreeSet::from([self.store.service.clone()]),
            replacement: Some(self.image.clone()),
            bytes: self.bytes,
            ..Impact::new(Effect::Destroy, subject, reason)
        };
        Assessment {
            engine: cx.identity().unique_description(),
            project: cx.project.name.clone(),
            impacts: vec![impact],
        }
    }

    /// What would be done.
    pub(super) fn dry_run(&self, cx: &ProjectContext<'_>) -> DryRun {
        let name = &self.store.service;
        let subject = format::subject(&self.subject(cx).0);
        let mut changes: Vec<PlannedChange> = Vec::new();
        let mut add = |action, subject: String, detail: String| {
            changes.push(PlannedChange::new(action, subject).with(detail));
        };
        for image in &self.missing {
            add("pull", format!("`{image}`"), "the engine does not have it".to_owned());
        }
        for user in &self.users {
            add("stop", format!("`{user}`"), "nothing writes to the data meanwhile".to_owned());
        }
        let size = self.bytes.map_or_else(String::new, |bytes| format!("{}, ", Bytes(bytes)));
        add(
            "back up",
            format!("{subject} of `{name}`"),
            format!("{size}a copy of its files, which is read back"),
        );
        match &self.conversion {
            Conversion::Dump => {
                add(
                    "dump",
                    "all databases and roles".to_owned(),
                    format!("with a temporary server of `{}`, which runs on the copy", self.former_image),
                );
                add(
                    "restore",
                    "the dump".to_owned(),
                    format!(
                        "into a temporary server of `{}`; the rows of every table are compared",
                        self.image
                    ),
                );
                add(
                    "replace",
                    format!("the files in {subject}"),
                    format!("with those of {}, which are backed up too", self.server),
                );
            }
            Conversion::Steps(images) => {
                for image in images {
                    add(
                        "convert",
                        "the copy".to_owned(),
                        format!("with a temporary server of `{image}`; its contents are compared"),
                    );
                }
                add(
                    "replace",
                    format!("the files in {subject}"),
                    format!("with those of {}, which are backed up too", self.server),
                );
            }
            Conversion::ByServer => {}
        }
        if self.is_running {
            let how = match self.conversion {
                Conversion::ByServer => format!("with `{}`, which converts the data", self.image),
                Conversion::Dump | Conversion::Steps(_) => format!("with `{}`", self.image),
            };
            add("start", format!("`{name}`"), how);
        } else {
            add(
                "create",
                format!("`{name}`"),
                format!("with `{}`, and not start it: it does not run now", self.image),
            );
        }
        let token = Token::of(&self.assessment(cx), Timestamp::now()).to_string();
        DryRun { token: Some(token), ..DryRun::new("upgrade", changes) }
    }

    /// How long the service does not run, with an estimate that is rather too high: 86 MB of PostgreSQL took 54 seconds with a
    /// debug build, on a machine with two processors that had six times as much to do.
    pub(super) fn downtime(&self) -> String {
        let name = &self.store.service;
        let kept = "The former data stays in the backup, and `undo` brings it back";
        if !self.is_running {
            return format!("{kept}.");
        }
        match self.bytes {
            Some(bytes) => {
                let seconds = 30 + bytes / 4_000_000;
                let estimate = Age(Duration::from_secs(seconds));
                format!(
                    "`{name}` is down from the first step to the last, for about {estimate} by the size of its data. {kept}."
                )
            }
            None => format!("`{name}` is down from the first step to the last. {kept}."),
        }
    }
}
