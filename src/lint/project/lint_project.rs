//! A project: the services and volumes of its merged Compose files.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mount::LintMount;
use super::references;
use super::service::LintService;
use super::store::LintStore;
use super::validate::{check_service, check_top_level, check_volume, section};
use super::volume::LintVolume;
use super::volumes_from;
use crate::lint::files::SourceFiles;
use crate::lint::loader::{LoadProblem, LoadedProject, REFUSED};
use crate::lint::yaml::{YamlEntry, YamlNode};

/// A project.
#[derive(Debug)]
pub(crate) struct LintProject {
    pub files: SourceFiles,
    pub root: YamlNode,
    pub directory: PathBuf,
    pub services: Vec<LintService>,
    pub volumes: Vec<LintVolume>,
    /// The index in [`LintProject::volumes`] of each key.
    keys: HashMap<Arc<str>, usize>,
    /// The data of each service, in the order of [`LintProject::services`].
    pub stores: Vec<Option<LintStore>>,
    /// It may be a part of a project, so what seems to be missing may be in another file.
    pub partial: bool,
}

impl LintProject {
    /// `complete` if the files are known to be the complete project.
    pub(crate) fn read(loaded: LoadedProject, complete: bool) -> (Self, Vec<LoadProblem>) {
        let mut problems = loaded.problems;
        let root = loaded.root;
        check_top_level(&root, &mut problems);
        let mut services: Vec<LintService> = section(&root, "services")
            .filter(|entry| check_service(entry, &mut problems))
            .map(|entry| {
                let files = loaded.environments.get(&entry.key.text);
                LintService::read(entry.key.clone(), entry.value.clone(), files)
            })
            .collect();
        volumes_from::resolve(&mut services);
        let volumes: Vec<LintVolume> = section(&root, "volumes")
            .inspect(|entry| check_volume(entry, &mut problems))
            .map(|entry| LintVolume::read(entry.key.clone(), &entry.value))
            .collect();
        let bare = services.iter().find(|service| service.is_bare());
        let overrides = loaded.files.iter().next().is_some_and(|(_, file)| is_override(&file.path));
        let partial =
            loaded.incomplete || (!complete && (bare.is_some() || services.is_empty() || overrides));
        if let Some(bare) = bare
            && !partial
        {
            let message = format!("service `{}` has neither `image` nor `build`", bare.name.as_str());
            problems.push(LoadProblem::compose(bare.name.span, message, REFUSED));
        }
        if !partial {
            references::check(&root, &services, &mut problems);
        }
        let mut project = Self {
            files: loaded.files,
            root,
            directory: loaded.directory,
            services,
            keys: volumes.iter().enumerate().map(|(at, volume)| (volume.key.text.clone(), at)).collect(),
            volumes,
            stores: Vec::new(),
            partial,
        };
        project.stores =
            project.services.iter().map(|service| LintStore::find(&project.root, service)).collect();
        (project, problems)
    }

    /// Its `x-safe-compose`.
    pub(crate) fn settings(&self) -> Option<&YamlEntry> {
        self.root.entry("x-safe-compose")
    }

    pub(crate) fn volume(&self, key: &str) -> Option<&LintVolume> {
        self.keys.get(key).map(|at| &self.volumes[*at])
    }

    /// The services that keep data.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (&LintService, &LintStore)> {
        self.services.iter().zip(&self.stores).filter_map(|(service, store)| Some((service, store.as_ref()?)))
    }

    /// The services that keep data in a mount, with that mount.
    pub(crate) fn mounted_stores(&self) -> impl Iterator<Item = (&LintService, &LintStore, &LintMount)> {
        self.stores().filter_map(|(service, store)| Some((service, store, store.mount(service)?)))
    }
}

/// Whether the name of a file says that it is merged over another one.
fn is_override(path: &Path) -> bool {
    path.file_stem().and_then(OsStr::to_str).is_some_and(|stem| stem.ends_with(".override"))
}

impl LintService {
    /// Whether nothing says what it runs, so it is meant to be merged over another service.
    fn is_bare(&self) -> bool {
        self.image.is_none() && !self.built && self.node.get("provider").is_none()
    }
}
