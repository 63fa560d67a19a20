//! The same directory under another project name is another project: every service starts empty beside the old data.
//! So does a renamed directory, or a Compose file that was moved into another one; both are recognized by the old path in
//! the labels of their containers, and by volumes that have the name of a former project.

use std::path::{Path, PathBuf};

use super::super::{Hazard, HazardContext, layer_subject, volume_subject};
use crate::compose::model::DeclaredSource;
use crate::engine::{Container, Volume};
use crate::inventory::known::FileContents;
use crate::inventory::{Inventory, LocationSource, is_known_image};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct HiddenProject;

impl Hazard for HiddenProject {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        by_containers(cx, found);
        by_volumes(cx, found);
    }
}

/// Whether a service is about to be created for the first time under this project name.
fn is_new(cx: &HazardContext<'_>, service: &str) -> bool {
    cx.role(service).is_some() && cx.replicas(service).is_empty()
}

fn by_containers(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    let project = &cx.inventory.project;
    let related = Inventory::take(
        cx.inventory.engine.clone(),
        project,
        None,
        &cx.probe.related_containers,
        cx.settings,
    );
    for store in related.stores.iter().filter(|store| is_new(cx, &store.service)) {
        let Some(container) = &store.container else { continue };
        for place in &store.locations {
            let (subject, named) = match &place.source {
                LocationSource::Volume { name: Some(name), anonymous } => {
                    if cx.volume(name).is_some() {
                        continue;
                    }
                    (volume_subject(cx, name, *anonymous), !anonymous)
                }
                LocationSource::Layer => (layer_subject(container), false),
                // A path that is relative to the Compose file moves with it, and the data does not.
                LocationSource::Bind { path }
                    if is_moved(cx, container) && is_left(cx, &store.service, path) =>
                {
                    (Subject::Directory { path: path.display().to_string() }, false)
                }
                // A bind mount is the same under any project name; a renamed directory has taken its own along.
                LocationSource::Bind { .. }
                | LocationSource::Tmpfs
                | LocationSource::Volume { name: None, .. } => {
                    continue;
                }
            };
            let known = named || store.keeps_data_at(&place.target);
            push(cx, found, subject, &store.service, known, &RelatedProject::of(cx, container));
        }
    }
    // Any program may have written to its container layer.
    for container in cx.probe.related_containers.iter().filter(|container| !container.is_one_off()) {
        if let Some(service) = container.service().filter(|service| is_new(cx, service)) {
            push(cx, found, layer_subject(container), service, false, &RelatedProject::of(cx, container));
        }
    }
}

/// Whether a container was created from a Compose file that has been moved.
fn is_moved(cx: &HazardContext<'_>, container: &Container) -> bool {
    container.project().is_some_and(|project| cx.probe.moved_files.contains_key(project))
}

/// Whether a directory has files and the service does not mount it any more.
fn is_left(cx: &HazardContext<'_>, service: &str, path: &Path) -> bool {
    let mounts = cx.service(service).into_iter().flat_map(|service| &service.mounts);
    let mut sources = mounts.map(|mount| &mount.source);
    matches!(cx.probe.directory_contents.get(path), Some(FileContents::Of(_)))
        && !sources.any(|source| matches!(source, DeclaredSource::Bind { path: bound, .. } if bound == path))
}

fn by_volumes(cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
    let Some(model) = cx.file() else { return };
    for volume in &cx.probe.related_volumes {
        let Some((key, declared)) = volume.compose_key().and_then(|key| model.volumes.get_key_value(key))
        else {
            continue;
        };
        if declared.external || cx.volume(&declared.name).is_some() || declared.name == volume.name {
            continue;
        }
        let mut users = model.services.values().filter(|service| {
            service.mounts.iter().any(
                |mount| matches!(&mount.source, DeclaredSource::Named { key: named, .. } if named == key),
            )
        });
        if let Some(service) = users.find(|service| is_new(cx, &service.name)) {
            let subject = volume_subject(cx, &volume.name, false);
            let known = service.image.as_deref().is_some_and(is_known_image);
            push(cx, found, subject, &service.name, known, &RelatedProject::of_volume(cx, volume));
        }
    }
}

/// The project that has the data, and how certain it is that the data belongs to this one.
struct RelatedProject<'a> {
    project: &'a str,
    /// The directory it was created from, if that no longer exists.
    missing: Option<&'a Path>,
    /// The file it was created from, if that was moved.
    moved: Option<&'a Path>,
    /// Only similar services suggest it, and nobody can be asked or several directories are candidates.
    uncertain: bool,
}

impl<'a> RelatedProject<'a> {
    fn of(cx: &'a HazardContext<'_>, container: &'a Container) -> Self {
        let missing =
            container.working_dir().filter(|directory| cx.probe.missing_directories.contains(*directory));
        let project = container.project().unwrap_or("another");
        Self {
            project,
            missing,
            moved: cx.probe.moved_files.get(project).map(PathBuf::as_path),
            uncertain: missing.is_some() && (cx.probe.missing_directories.len() > 1 || !cx.probe.terminal),
        }
    }

    fn of_volume(cx: &'a HazardContext<'_>, volume: &'a Volume) -> Self {
        let project = volume.labels.get("com.docker.compose.project").map_or("another", String::as_str);
        let mut containers = cx.probe.related_containers.iter();
        let container = containers.find(|container| container.project() == Some(project));
        let other = container.map(|container| Self::of(cx, container));
        other.unwrap_or(Self { project, missing: None, moved: None, uncertain: false })
    }
}

/// A project name that the user set is intended: it is reported without a question.
fn push(
    cx: &HazardContext<'_>,
    found: &mut Vec<Impact>,
    subject: Subject,
    service: &str,
    known: bool,
    other: &RelatedProject<'_>,
) {
    let from = match (other.missing, other.moved) {
        (None, Some(file)) => {
            format!(
                "project `{}`, created from `{}`, which is not there any more, has data of",
                other.project,
                file.display()
            )
        }
        (Some(directory), _) => {
            format!(
                "project `{}`, created in `{}`, which was renamed or removed, has data of",
                other.project,
                directory.display()
            )
        }
        (None, None) => format!("project `{}` has the data of this directory's", other.project),
    };
    let mut impact = Impact::new(
        Effect::Orphan,
        subject,
        format!("{from} `{service}`; as project `{}` it starts empty", cx.inventory.project),
    );
    impact.notice = cx.probe.explicit_name || other.uncertain || !known;
    impact.services.insert(service.to_owned());
    found.push(impact);
}
