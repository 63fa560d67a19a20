//! Other projects that may hold the data of this one: created from the same directory under another name, or from a
//! sibling directory that no longer exists and had the same services.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future::try_join_all;

use crate::commands::context::ProjectContext;
use crate::compose::image::Reference;
use crate::compose::model::Model;
use crate::engine::{Container, EngineError};
use crate::guard::Probe;

pub(super) async fn gather(cx: &ProjectContext<'_>, probe: &mut Probe) -> Result<(), EngineError> {
    let engine = cx.engine.as_ref();
    let project = cx.project.name.as_str();
    let mut related = engine.containers_of_directory(&cx.project.directory).await?;
    related.retain(|container| container.project().is_some_and(|other| other != project));
    let missing = of_missing_directories(cx).await?;
    probe.missing_directories =
        missing.iter().filter_map(Container::working_dir).map(Path::to_path_buf).collect();
    related.extend(missing);
    let mut names = projects(&related);
    if let Some(name) = default_name(&cx.project.directory).filter(|name| name != project) {
        let elsewhere = |container: &Container| {
            container.working_dir().is_some_and(|directory| directory != cx.project.directory)
        };
        if !engine.project_containers(&name).await?.iter().any(elsewhere) {
            names.insert(name);
        }
    }
    let volumes = try_join_all(names.iter().map(|name| engine.project_volumes(name))).await?;
    probe.related_volumes = volumes.into_iter().flatten().collect();
    probe.related_containers = related;
    Ok(())
}

fn projects(containers: &[Container]) -> BTreeSet<String> {
    containers.iter().filter_map(|container| container.project().map(str::to_owned)).collect()
}

/// What a renamed directory leaves behind: containers of a sibling directory that no longer exists. Only a local engine
/// shares its directories with this machine.
async fn of_missing_directories(cx: &ProjectContext<'_>) -> Result<Vec<Container>, EngineError> {
    let Some(model) = cx.project.whole_model().filter(|_| cx.identity().local) else {
        return Ok(Vec::new());
    };
    let beside = cx.engine.containers_in_sibling_directories(&cx.project.directory).await?;
    let mut by_project: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in beside {
        let missing =
            container.working_dir().is_some_and(|directory| is_legible(directory) && !directory.exists());
        if let Some(project) = container.project().filter(|other| missing && *other != cx.project.name) {
            by_project.entry(project.to_owned()).or_default().push(container);
        }
    }
    by_project.retain(|_, containers| containers.iter().all(|container| could_be_of(model, container)));
    Ok(by_project.into_values().flatten().collect())
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

/// The project name that Compose derives from a directory.
fn default_name(directory: &Path) -> Option<String> {
    let name = directory.file_name()?.to_string_lossy().to_lowercase();
    let name: String =
        name.chars().filter(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_')).collect();
    Some(name.trim_start_matches(['-', '_']).to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_the_engine_changed_is_not_legible() {
        assert!(is_legible(Path::new("/srv/größe")));
        assert!(!is_legible(Path::new("/srv/gr\u{fffd}\u{fffd}e")));
    }

    #[test]
    fn the_default_name_comes_from_the_directory() {
        assert_eq!(default_name(Path::new("/srv/Exp.Same")).as_deref(), Some("expsame"));
        assert_eq!(default_name(Path::new("/srv/_app-1")).as_deref(), Some("app-1"));
        assert_eq!(default_name(Path::new("/")), None);
    }
}
