//! Override files that Compose would read by itself, and does not where a command names its files with `-f`.

use std::path::{Path, PathBuf};

use super::Project;
use super::render;
use crate::compose::grammar::Grammar;
use crate::compose::model::{DeclaredSource, Model};

/// The names that Compose looks for beside its file.
const OVERRIDES: &[&str] = &[
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// An override file that is not read.
#[derive(Debug, Clone, PartialEq)]
pub struct UnreadFile {
    pub path: PathBuf,
    /// What it declares by itself. A mount whose source depends on a variable is left out.
    pub model: Model,
}

/// The override files in the project's directory that the command does not read. A file that cannot be parsed is left
/// out: no command depends on it.
pub fn unread_overrides(project: &Project) -> Vec<UnreadFile> {
    let is_read = |path: &Path| project.files.iter().any(|file| file == path);
    let paths = OVERRIDES.iter().map(|name| project.directory.join(name));
    paths
        .filter(|path| !is_read(path))
        .filter_map(|path| Some(UnreadFile { model: parse(&path, project)?, path }))
        .collect()
}

fn parse(path: &Path, project: &Project) -> Option<Model> {
    let value = serde_saphyr::from_slice(&std::fs::read(path).ok()?).ok()?;
    let mut model = render::model(&value, Grammar::V2, &project.name);
    for service in model.services.values_mut() {
        service.mounts.retain(|mount| !mount.target.to_string_lossy().contains('$'));
        service.mounts.retain_mut(|mount| match &mut mount.source {
            DeclaredSource::Bind { path, .. } => {
                let is_certain = !path.to_string_lossy().contains('$') && !path.starts_with("~");
                *path = project.directory.join(path.strip_prefix(".").unwrap_or(path));
                is_certain
            }
            DeclaredSource::Named { key, .. } => !key.contains('$'),
            DeclaredSource::Anonymous | DeclaredSource::Tmpfs | DeclaredSource::Other => true,
        });
    }
    Some(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_file_counts_only_where_it_is_not_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("docker-compose.override.yml");
        let text = "services: { db: { volumes: [ './pg:/data', '${X}:/x', 'named:/y', { type: bind, source: ./z, target: /z } ] } }";
        std::fs::write(&path, text).expect("written");
        let mut project = Project {
            files: vec![directory.path().join("docker-compose.yml")],
            label_mode: false,
            ..Project::by_name("shop", directory.path())
        };
        let unread = unread_overrides(&project);
        assert_eq!(unread.len(), 1);
        let mounts = &unread[0].model.services["db"].mounts;
        let bind =
            |below: &str| DeclaredSource::Bind { path: directory.path().join(below), create_host_path: true };
        assert_eq!(mounts[0].source, bind("pg"));
        assert_eq!(mounts[1].source, DeclaredSource::Named { key: "named".into(), subpath: None });
        assert!(matches!(&mounts[2].source, DeclaredSource::Bind { path, .. } if path.ends_with("z")));
        assert_eq!(mounts.len(), 3, "the source of the other is not known");
        project.files.push(path);
        assert!(unread_overrides(&project).is_empty());
    }
}
