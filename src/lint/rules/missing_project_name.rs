//! A project that is named after its directory.

use std::path::Path;

use crate::lint::fix::Fix;
use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a project with named volumes and without a name of its own.
    ///
    /// ## Why it matters
    ///
    /// Without `name:` a project is called after its directory, and so are its volumes. Move or rename the directory
    /// and `up` starts empty beside the old volumes; check it out twice under the same name, and `down -v` in one place
    /// deletes the volumes of the other (mailcow#1284, docker/compose#5406). Give an existing project the name that it
    /// has, as `docker compose ls` shows it: with another one it starts empty.
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
    "missing-project-name", Info, check
}

fn check(project: &Project, report: &mut Report) {
    let named = |source: &Source| match source {
        Source::Named(key) => {
            project.volume(key.as_str()).is_some_and(|volume| volume.name.is_none() && !volume.external)
        }
        Source::Anonymous | Source::Bind(_) | Source::Tmpfs | Source::Unknown(_) | Source::Other => false,
    };
    let at_stake =
        project.services.iter().flat_map(|service| &service.mounts).any(|mount| named(&mount.source));
    let Some(first) = project.root.entries().first() else { return };
    if project.partial || !at_stake || project.root.get("name").is_some() {
        return;
    }
    let place = project.root.entry("services").map_or(first.key.span, |services| services.key.span);
    let found =
        report.add(place, "the project has no `name:`: in a renamed directory its volumes are not found");
    found.help("Add `name:` with the name that `docker compose ls` shows.");
    if let Some(name) = directory_name(&project.directory)
        && let Some(fix) = Fix::new_key(&project.files, first.key.span, &format!("name: {name}"))
    {
        found.fix(fix);
    }
}

/// The name that Compose gives a project in this directory.
fn directory_name(directory: &Path) -> Option<String> {
    let whole = directory.canonicalize().ok()?;
    let name: String = whole
        .file_name()?
        .to_string_lossy()
        .to_lowercase()
        .chars()
        .filter(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '_'))
        .collect();
    let name = name.trim_start_matches(['-', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}
