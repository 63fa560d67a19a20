//! Where services without a container had their data before: in what an unread override file mounts, where relative paths
//! started with the files in another order, or in what their newest backup was made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::backup::manifest::ArtifactContents;
use crate::commands::context::ProjectContext;
use crate::compose::model::{DeclaredSource, Model, Service};
use crate::compose::project::unread_overrides;
use crate::engine::{EngineError, Volume};
use crate::guard::{self, FormerPlace, HazardContext};
use crate::inventory::LocationSource;
use crate::inventory::known::{self, FileContents};
use crate::policy::Subject;

/// The former places that still exist, by service. Only known programs are looked for.
pub(super) async fn gather(
    cx: &ProjectContext<'_>,
    guard: &HazardContext<'_>,
) -> Result<BTreeMap<String, Vec<FormerPlace>>, EngineError> {
    let mut found: BTreeMap<String, Vec<FormerPlace>> = BTreeMap::new();
    let unread = unread_overrides(&cx.project);
    for service in guard::first_starts(guard) {
        let mut places = Vec::new();
        for file in &unread {
            let name = file.path.file_name().unwrap_or_default().display();
            let evidence = format!("`{name}`, which this command does not read, mounts");
            for place in mounted_by(&file.model, service) {
                places.push((place, evidence.clone()));
            }
        }
        for (file, place) in by_another_first_file(cx, service) {
            let evidence = format!("where relative paths start if `{file}` is named first, there is");
            places.push((place, evidence));
        }
        if let Ok(Some(backup)) = cx.root.latest(&service.name) {
            let evidence = format!("backup `{}` was made of", backup.name());
            for artifact in &backup.manifest.artifacts {
                if let ArtifactContents::Files { target, source, .. } = &artifact.contents
                    && is_data_path(service, Path::new(target))
                    && let Some(place) = Place::parse(source)
                {
                    places.push((place, evidence.clone()));
                }
            }
        }
        for (place, evidence) in places {
            if let Some(subject) = place.existing(cx).await? {
                found.entry(service.name.clone()).or_default().push(FormerPlace { subject, evidence });
            }
        }
    }
    Ok(found)
}

fn is_data_path(service: &Service, path: &Path) -> bool {
    known::every_path_of_service(service).iter().any(|data| data.starts_with(path) || path.starts_with(data))
}

/// What an unread file mounts at the data path of a service.
fn mounted_by(model: &Model, service: &Service) -> Vec<Place> {
    let mounts = model.services.get(&service.name).into_iter().flat_map(|service| &service.mounts);
    mounts
        .filter(|mount| is_data_path(service, &mount.target))
        .filter_map(|mount| match &mount.source {
            DeclaredSource::Named { key, .. } => {
                Some(Place::Volume(model.volumes.get(key).map_or(key, |volume| &volume.name).clone()))
            }
            DeclaredSource::Bind { path, .. } => Some(Place::Directory(path.clone())),
            DeclaredSource::Anonymous | DeclaredSource::Tmpfs | DeclaredSource::Other => None,
        })
        .collect()
}

/// Where relative bind mounts of a service lead if another of the named files comes first, with that file: the first file
/// decides where all relative paths start. Without the files of the service's program, a directory has other data.
fn by_another_first_file(cx: &ProjectContext<'_>, service: &Service) -> Vec<(String, Place)> {
    let Some((first, others)) = cx.project.files.split_first() else { return Vec::new() };
    let start = cx.project.directory.as_path();
    if first.parent() != Some(start) || cx.command.reading.globals.project_directory.is_some() {
        return Vec::new();
    }
    let program = service.image.as_deref().and_then(known::program);
    let is_its_own = |path: &PathBuf| {
        program
            .is_some_and(|program| FileContents::of(path).is_some_and(|found| !found.is_of_another(program)))
    };
    let mut found = Vec::new();
    for file in others {
        let Some(base) = file.parent().filter(|base| *base != start) else { continue };
        let paths = service.mounts.iter().filter_map(|mount| match &mount.source {
            DeclaredSource::Bind { path, .. } if is_data_path(service, &mount.target) => {
                Some(base.join(path.strip_prefix(start).ok()?))
            }
            _ => None,
        });
        let name = file.strip_prefix(&cx.command.env.current_dir).unwrap_or(file);
        found.extend(
            paths.filter(is_its_own).map(|path| (name.display().to_string(), Place::Directory(path))),
        );
    }
    found
}

enum Place {
    Volume(String),
    Directory(PathBuf),
}

impl Place {
    /// As a manifest names it.
    fn parse(source: &str) -> Option<Self> {
        let volume = LocationSource::volume_in(source).map(|name| Self::Volume(name.to_owned()));
        volume.or_else(|| Some(Self::Directory(PathBuf::from(source.strip_prefix("directory ")?))))
    }

    /// The place, if there is still something in it.
    async fn existing(&self, cx: &ProjectContext<'_>) -> Result<Option<Subject>, EngineError> {
        match self {
            Self::Volume(name) => {
                let volume = cx.engine.volume(name).await?;
                Ok(volume.map(|Volume { name, created, .. }| Subject::Volume {
                    name,
                    created,
                    anonymous: false,
                }))
            }
            Self::Directory(path) => {
                let has_files =
                    cx.identity().local && matches!(FileContents::of(path), Some(FileContents::Of(_)));
                Ok(has_files.then(|| Subject::Directory { path: path.display().to_string() }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_volumes_and_directories() {
        assert!(matches!(Place::parse("volume shop_data"), Some(Place::Volume(name)) if name == "shop_data"));
        assert!(
            matches!(Place::parse("directory /srv/pg"), Some(Place::Directory(path)) if path == Path::new("/srv/pg"))
        );
        assert!(Place::parse("container").is_none());
    }
}
