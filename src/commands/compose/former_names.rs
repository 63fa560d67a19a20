//! Names that this project may have had before. Volumes keep the name of their project, but not where its file was.

use std::collections::BTreeSet;
use std::path::Path;

use crate::commands::context::ProjectContext;
use crate::engine::NEARBY_LEVELS;
use crate::journal;

/// The file names that Compose looks for in a directory.
const FILES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// Where development containers of an editor have their Compose file. The editor names the project after the directory
/// above (`app_devcontainer`), and Compose, started by hand, after this one.
const DEVCONTAINER: &str = ".devcontainer";

/// The possible former names, without the present one.
pub(super) fn candidates(cx: &ProjectContext<'_>) -> BTreeSet<String> {
    let directory = &cx.project.directory;
    let mut names: BTreeSet<String> = default_name(directory).into_iter().collect();
    if directory.file_name().is_some_and(|name| name == DEVCONTAINER) {
        let above = directory.parent().and_then(default_name);
        names.extend(above.map(|name| format!("{name}_devcontainer")));
    }
    if cx.identity().local {
        let above = directory.ancestors().skip(1).take(NEARBY_LEVELS);
        names.extend(above.filter(|directory| !has_compose_file(directory)).filter_map(default_name));
        names.extend(names_below(directory));
    }
    names.extend(recorded(cx));
    names.remove(&cx.project.name);
    names
}

/// The names of the directories in this one that have no Compose file, and may have had it.
fn names_below(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories
        .map(|entry| entry.path())
        .filter(|path| !has_compose_file(path))
        .filter_map(|path| default_name(&path))
        .collect()
}

/// The names under which commands and backups were recorded in this directory. A backup directory elsewhere may be shared
/// with projects that have nothing to do with this one.
fn recorded(cx: &ProjectContext<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if !cx.root.directory().starts_with(&cx.project.directory) {
        return names;
    }
    let engine = &cx.identity().id;
    if let Ok(journal) = journal::read(&cx.root) {
        let own_engine = journal.entries.into_iter().filter(|entry| entry.engine == *engine);
        names.extend(own_engine.map(|entry| entry.project));
    }
    if let Ok(listing) = cx.root.list(None) {
        let own_engine = listing.others.into_iter().filter(|backup| backup.manifest.engine == *engine);
        names.extend(own_engine.map(|backup| backup.manifest.project));
    }
    names
}

/// Whether Compose, started in this directory, would find a file there.
pub(super) fn has_compose_file(directory: &Path) -> bool {
    FILES.iter().any(|file| directory.join(file).is_file())
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
    fn the_default_name_comes_from_the_directory() {
        assert_eq!(default_name(Path::new("/srv/Exp.Same")).as_deref(), Some("expsame"));
        assert_eq!(default_name(Path::new("/srv/_app-1")).as_deref(), Some("app-1"));
        assert_eq!(default_name(Path::new("/")), None);
    }

    #[test]
    fn a_directory_below_that_has_a_file_of_its_own_is_another_project() {
        let root = tempfile::tempdir().expect("a directory");
        for name in ["docker", "other"] {
            std::fs::create_dir(root.path().join(name)).expect("made");
        }
        std::fs::write(root.path().join("other/compose.yml"), "").expect("written");
        assert_eq!(names_below(root.path()), BTreeSet::from(["docker".to_owned()]));
    }
}
