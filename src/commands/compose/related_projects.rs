//! Other projects that may hold the data of this one: created from the same directory under another name, from a sibling
//! directory that no longer exists and had the same services, or from a Compose file above or below this directory that
//! no longer exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::future::try_join_all;

use super::former_names;
use crate::commands::context::ProjectContext;
use crate::compose::image::Reference;
use crate::compose::model::Model;
use crate::engine::{Container, EngineError, Labels, are_siblings, created_from_files_of, working_dir_of};
use crate::guard::Probe;

pub(super) async fn gather(cx: &ProjectContext<'_>, probe: &mut Probe) -> Result<(), EngineError> {
    let engine = cx.engine.as_ref();
    let project = cx.project.name.as_str();
    let mut related = engine.containers_of_directory(&cx.project.directory).await?;
    related.retain(|container| container.project().is_some_and(|other| other != project));
    // Only a local engine shares its directories with this machine.
    if let Some(model) = cx.project.whole_model().filter(|_| cx.identity().local) {
        let nearby = engine.containers_in_nearby_directories(&cx.project.directory, was_left_behind).await?;
        let nearby = by_project(cx, nearby);
        let missing = of_missing_directories(cx, model, &nearby);
        probe.missing_directories =
            missing.iter().filter_map(Container::working_dir).map(Path::to_path_buf).collect();
        related.extend(missing);
        let (moved, files) = of_moved_files(cx, model, &nearby);
        probe.moved_files = files;
        related.extend(moved);
    }
    probe.related_volumes = volumes(cx, &related).await?;
    probe.related_containers = related;
    Ok(())
}

/// The volumes of the related projects, and of those that have a former name of this one and no containers elsewhere.
async fn volumes(
    cx: &ProjectContext<'_>,
    related: &[Container],
) -> Result<Vec<crate::engine::Volume>, EngineError> {
    let mut names: BTreeSet<String> = projects(related);
    let candidates: BTreeSet<String> =
        former_names::candidates(cx).into_iter().filter(|name| !names.contains(name)).collect();
    if names.is_empty() && candidates.is_empty() {
        return Ok(Vec::new());
    }
    let mut volumes = cx.engine.volumes_of_projects().await?;
    let has_volume = |name: &&String| volumes.iter().any(|volume| volume.project() == Some(name));
    let asked = candidates.iter().filter(has_volume).map(|name| async {
        let containers = cx.engine.project_containers(name).await?;
        let elsewhere = |container: &Container| {
            container.working_dir().is_some_and(|directory| directory != cx.project.directory)
        };
        Ok((name.clone(), containers.iter().any(elsewhere)))
    });
    let found = try_join_all(asked).await?;
    names.extend(found.into_iter().filter(|(_, elsewhere)| !elsewhere).map(|(name, _)| name));
    volumes.retain(|volume| volume.project().is_some_and(|project| names.contains(project)));
    Ok(volumes)
}

fn projects(containers: &[Container]) -> BTreeSet<String> {
    containers.iter().filter_map(|container| container.project().map(str::to_owned)).collect()
}

/// The containers of other projects.
fn by_project(cx: &ProjectContext<'_>, containers: Vec<Container>) -> BTreeMap<String, Vec<Container>> {
    let mut by_project: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in containers {
        if let Some(project) = container.project().filter(|other| *other != cx.project.name) {
            by_project.entry(project.to_owned()).or_default().push(container);
        }
    }
    by_project
}

/// What a renamed directory leaves behind: containers of a sibling directory that no longer exists.
fn of_missing_directories(
    cx: &ProjectContext<'_>,
    model: &Model,
    nearby: &BTreeMap<String, Vec<Container>>,
) -> Vec<Container> {
    let is_missing = |container: &&Container| {
        container.working_dir().is_some_and(|other| {
            are_siblings(other, &cx.project.directory) && is_legible(other) && !other.exists()
        })
    };
    nearby
        .values()
        .map(|containers| containers.iter().filter(is_missing).cloned().collect::<Vec<_>>())
        .filter(|containers| containers.iter().all(|container| could_be_of(model, container)))
        .flatten()
        .collect()
}

/// What a Compose file leaves behind that was moved into this directory from one above it or below it: containers whose
/// files are not there any more. Also each of those projects with the file that is missing.
fn of_moved_files(
    cx: &ProjectContext<'_>,
    model: &Model,
    nearby: &BTreeMap<String, Vec<Container>>,
) -> (Vec<Container>, BTreeMap<String, PathBuf>) {
    let directory = cx.project.directory.as_path();
    let (mut moved, mut files) = (Vec::new(), BTreeMap::new());
    for (project, containers) in nearby {
        let candidates = containers.iter().filter(|container| {
            let from = container.working_dir().filter(|from| !are_siblings(from, directory));
            from.is_some() && could_be_of(model, container)
        });
        for container in candidates {
            let mut created_from = container.created_from_files().peekable();
            let first = created_from.peek().cloned();
            if let Some(first) =
                first.filter(|_| created_from.all(|file| is_legible(&file) && !file.exists()))
            {
                files.insert(project.clone(), first);
                moved.push(container.clone());
            }
        }
    }
    (moved, files)
}

/// Whether the directory or every file that a container was created from is missing.
fn was_left_behind(labels: &Labels) -> bool {
    let is_missing = |path: &Path| is_legible(path) && !path.exists();
    let mut files = created_from_files_of(labels).peekable();
    working_dir_of(labels).is_some_and(is_missing)
        || (files.peek().is_some() && files.all(|file| is_missing(&file)))
}

/// Whether a label has the path as it is. The engine replaces what is not UTF-8, and then nothing tells whether the
/// directory exists.
fn is_legible(directory: &Path) -> bool {
    !directory.to_string_lossy().contains(char::REPLACEMENT_CHARACTER)
}

/// Whether a container could come from a file: it has the service, with the same image apart from the tag.
fn could_be_of(model: &Model, container: &Container) -> bool {
    let service = container.service().and_then(|name| model.services.get(name));
    service.is_some_and(|service| {
        let named = service.image.as_deref();
        // An image that the file builds has the project's name.
        named.is_none_or(|image| {
            Reference::parse(image).repository == Reference::parse(&container.image).repository
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_the_engine_changed_is_not_legible() {
        assert!(is_legible(Path::new("/srv/größe")));
        assert!(!is_legible(Path::new("/srv/gr\u{fffd}\u{fffd}e")));
    }
}
