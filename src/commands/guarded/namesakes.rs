//! Other projects that may hold the data of this one: made from the same directory under another name, or from a
//! directory beside it that is not there any more and had the same services.

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
    let mut theirs = engine.containers_of_directory(&cx.project.directory).await?;
    theirs.retain(|container| container.project().is_some_and(|other| other != project));
    let lost = of_lost_directories(cx).await?;
    probe.lost_directories = lost.iter().filter_map(Container::working_dir).map(Path::to_path_buf).collect();
    theirs.extend(lost);
    let mut names = projects(&theirs);
    if let Some(usual) = usual_name(&cx.project.directory).filter(|usual| usual != project) {
        let elsewhere = |container: &Container| {
            container.working_dir().is_some_and(|directory| directory != cx.project.directory)
        };
        if !engine.project_containers(&usual).await?.iter().any(elsewhere) {
            names.insert(usual);
        }
    }
    let volumes = try_join_all(names.iter().map(|name| engine.project_volumes(name))).await?;
    probe.namesake_volumes = volumes.into_iter().flatten().collect();
    probe.namesakes = theirs;
    Ok(())
}

fn projects(containers: &[Container]) -> BTreeSet<String> {
    containers.iter().filter_map(|container| container.project().map(str::to_owned)).collect()
}

/// What a renamed directory leaves behind: containers whose directory is gone from beside this one. Only this machine
/// tells which directories there are.
async fn of_lost_directories(cx: &ProjectContext<'_>) -> Result<Vec<Container>, EngineError> {
    let Some(model) = cx.project.whole_model().filter(|_| cx.identity().local) else {
        return Ok(Vec::new());
    };
    let beside = cx.engine.containers_in_sibling_directories(&cx.project.directory).await?;
    let mut by_project: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in beside {
        let gone = container.working_dir().is_some_and(|directory| !directory.exists());
        if let Some(project) = container.project().filter(|other| gone && *other != cx.project.name) {
            by_project.entry(project.to_owned()).or_default().push(container);
        }
    }
    by_project.retain(|_, containers| containers.iter().all(|container| is_of(model, container)));
    Ok(by_project.into_values().flatten().collect())
}

/// Whether a container could have been made by a file: it has the service, with the same image but for the tag.
fn is_of(model: &Model, container: &Container) -> bool {
    let service = container.service().and_then(|name| model.services.get(name));
    service.is_some_and(|service| {
        let named = service.image.as_deref();
        // What the file builds bears the project's name.
        named.is_none_or(|image| {
            Reference::parse(image).repository == Reference::parse(&container.image).repository
        })
    })
}

/// The name that a project has when nobody gives it one.
fn usual_name(directory: &Path) -> Option<String> {
    let name = directory.file_name()?.to_string_lossy().to_lowercase();
    let name: String =
        name.chars().filter(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_')).collect();
    Some(name.trim_start_matches(['-', '_']).to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_names_its_project() {
        assert_eq!(usual_name(Path::new("/srv/Exp.Same")).as_deref(), Some("expsame"));
        assert_eq!(usual_name(Path::new("/srv/_app-1")).as_deref(), Some("app-1"));
        assert_eq!(usual_name(Path::new("/")), None);
    }
}
