//! A project that is named after its directory.

use std::path::Path;

use crate::lint::fix::Fix;
use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a project with named volumes but without `name:`.
    ///
    /// ## Why it matters
    ///
    /// Without `name:`, a project is named after its directory, and its volumes after the project. If the directory
    /// is moved or renamed, `up` starts with new and empty volumes. If there are two checkouts with the same
    /// directory name, `down -v` in one of them deletes the volumes of the other (mailcow#1284, docker/compose#5406).
    ///
    /// Give an existing project its current name, as `docker compose ls` shows it. With another name it starts empty.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - data:/var/lib/postgresql/data
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// name: shop
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - data:/var/lib/postgresql/data
    /// volumes:
    ///   data:
    /// ```
    "missing-project-name", Info, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    let named = |source: &LintMountSource| match source {
        LintMountSource::Named(key) => {
            project.volume(key.as_str()).is_some_and(|volume| volume.name.is_none() && !volume.external)
        }
        LintMountSource::Anonymous
        | LintMountSource::Bind(_)
        | LintMountSource::Tmpfs
        | LintMountSource::Unknown(_)
        | LintMountSource::Other => false,
    };
    let uses_volumes =
        project.services.iter().flat_map(|service| &service.mounts).any(|mount| named(&mount.source));
    let Some(first) = project.root.entries().first() else { return };
    if project.partial || !uses_volumes || project.root.get("name").is_some() {
        return;
    }
    let place = project.root.entry("services").map_or(first.key.span, |services| services.key.span);
    let found = report.add(
        place,
        "the project has no `name:`, so it starts with empty volumes when its directory is renamed",
    );
    found.help("Add `name:` with the name that `docker compose ls` shows.");
    if let Some(name) = directory_name(&project.directory)
        && let Some(fix) = Fix::new_key(&project.files, first.key.span, &format!("name: {name}"))
    {
        found.fix(fix);
    }
}

/// The name that Compose gives a project in this directory.
fn directory_name(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let name: String = directory
        .file_name()?
        .to_string_lossy()
        .to_lowercase()
        .chars()
        .filter(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_'))
        .collect();
    let name = name.trim_start_matches(['-', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}
