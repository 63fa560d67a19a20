//! Finds out what only some commands need for their assessment. Each question is asked only if its answer could change
//! the assessment: an ordinary `up` of a healthy project asks none.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use futures_util::future::{join_all, try_join_all};
use serde_json::Value;

use super::former_names::has_compose_file;
use super::hazard_context::hazard_context;
use super::{former_places, hashes, layers, place_contents, related_projects, symlinks};
use crate::commands::context::{CommandContext, ProjectContext, no_engine};
use crate::commands::home::is_same_directory;
use crate::compose::grammar::Grammar;
use crate::engine::{Container, EngineError, Mount, MountSource, ReplacedMount};
use crate::env;
use crate::error::Failure;
use crate::guard::{self, Probe};
use crate::inventory::{is_known_image, known};
use crate::process::{self, Capture};

/// Probes the project and the engine. `unknown_feature` is what Compose accepts and this program does not know.
pub(super) async fn gather(
    cx: &ProjectContext<'_>,
    unknown_feature: Option<String>,
) -> Result<Probe, Failure> {
    let command = cx.command;
    let mut probe = Probe {
        other_directory: other_directory(cx),
        explicit_name: command.reading.globals.project_name.is_some()
            || command.env.compose_project_name.is_some(),
        remove_orphans: command.env.compose_remove_orphans || cx.project.removes_orphans,
        terminal: command.ui.is_terminal(),
        copies_directory: copies_directory(command),
        unknown_feature,
        unset_variables: unset_variables(&cx.project.warnings),
        declared_elsewhere: declared_elsewhere(cx),
        sharing_files: sharing_files(cx),
        ..Probe::default()
    };
    probe.version = version(cx).await;
    ask_engine(cx, &mut probe).await.map_err(no_engine)?;
    probe.copy_targets = symlinks::copy_targets(cx).await.map_err(no_engine)?;
    if command.reading.may_act() {
        layers::gather(cx, &mut probe).await;
    }
    if asks_for_hashes(cx, &probe) {
        probe.hashes = hashes::ask(cx).await;
    }
    if guard::needs_version(&hazard_context(cx, &probe)) {
        probe.version = ask_version(cx).await;
    }
    Ok(probe)
}

async fn ask_engine(cx: &ProjectContext<'_>, probe: &mut Probe) -> Result<(), EngineError> {
    let engine = cx.engine.as_ref();
    let images = images(cx, probe);
    let found = try_join_all(images.iter().map(|reference| engine.image(reference))).await?;
    probe.images = images.into_iter().zip(found).collect();

    if cx.command.reading.may_act() {
        probe.replaced_mounts = replaced_mounts(cx).await;
    }

    let to_delete: Vec<String> =
        guard::volumes_to_delete(&hazard_context(cx, probe)).into_iter().map(str::to_owned).collect();
    let users = try_join_all(to_delete.iter().map(|volume| engine.containers_with_volume(volume))).await?;
    for container in users.into_iter().flatten() {
        let known = |one: &Container| one.id == container.id;
        if !cx.containers.iter().any(known) && !probe.foreign_users.iter().any(known) {
            probe.foreign_users.push(container);
        }
    }

    // A plan also lists what is not reported before a command.
    if cx.command.safe.plan || guard::creates_new(&hazard_context(cx, probe)) {
        related_projects::gather(cx, probe).await?;
        place_contents::gather(cx, probe).await;
        probe.former_places = former_places::gather(cx, &hazard_context(cx, probe)).await?;
    }
    Ok(())
}

/// What running containers have that their paths on the host no longer lead to. What cannot be told is reported by
/// `status`.
async fn replaced_mounts(cx: &ProjectContext<'_>) -> BTreeMap<String, Vec<ReplacedMount>> {
    let running = cx.containers.iter().filter(|container| container.is_running());
    let asked = running.map(|container| async {
        let found = cx.engine.replaced_mounts(container).await.unwrap_or_else(|error| {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::debug!(container = container.name, error, "its directories are not compared");
            Vec::new()
        });
        (container.id.clone(), found)
    });
    let mut found: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
    found.retain(|_, mounts| !mounts.is_empty());
    found
}

/// The images that decide what a container would lose, and those that would be deleted.
fn images(cx: &ProjectContext<'_>, probe: &Probe) -> Vec<String> {
    let project = cx;
    let cx = hazard_context(project, probe);
    let mut images = Vec::new();
    let mut add = |reference: &str| {
        if !images.iter().any(|known| known == reference) {
            images.push(reference.to_owned());
        }
    };
    if cx.reading.deletes_images().is_some() {
        for service in cx.file().into_iter().flat_map(|model| model.services.values()) {
            if let Some(image) = &service.image {
                add(image);
            } else {
                let separator = if cx.grammar == Grammar::V1 { '_' } else { '-' };
                add(&format!("{}{separator}{}", project.project.name, service.name));
            }
        }
        cx.scope().containers().for_each(|container| add(&container.image));
    }
    // A container of another image than that of its reference now is recreated.
    for container in cx.containers.iter().filter(|container| !container.is_one_off()) {
        if container.service().is_some_and(|service| cx.role(service).is_some()) {
            add(&container.image);
        }
    }
    // Where its program keeps its data depends on the image.
    for service in cx.file().into_iter().flat_map(|model| model.services.values()) {
        let may_differ = known::every_path_of_service(service).len() > 1
            || service.image.as_deref().and_then(known::program).is_some_and(|one| one.variable.is_some());
        let is_first =
            cx.creates_first(&service.name) && service.image.as_deref().is_some_and(is_known_image);
        if is_first || may_differ && cx.role(&service.name).is_some() {
            service.image.iter().for_each(|image| add(image));
        }
    }
    for container in cx.containers {
        let Some(service) = container.service().and_then(|name| cx.service(name)) else { continue };
        let is_updated = cx.role(&service.name).is_some();
        let anonymous = |mount: &Mount| matches!(mount.source, MountSource::Volume { anonymous: true, .. });
        let carries = container.mounts.iter().any(anonymous);
        // A volume that the file does not have may come from the image.
        let elsewhere = container.mounts.iter().any(|mount| {
            matches!(mount.source, MountSource::Volume { anonymous: false, .. })
                && service.mounts.iter().all(|declared| declared.target != mount.destination)
        });
        let matters = project.command.safe.plan || carries || cx.keeps_data_in_layer(container);
        if elsewhere || (is_updated && matters) {
            add(&container.image);
            service.image.iter().for_each(|image| add(image));
        }
        if is_updated && carries && cx.grammar == Grammar::V1 {
            add(&container.image_id);
        }
    }
    images
}

fn asks_for_hashes(cx: &ProjectContext<'_>, probe: &Probe) -> bool {
    let project = cx;
    let cx = hazard_context(project, probe);
    let updated =
        |container: &Container| container.service().is_some_and(|service| cx.role(service).is_some());
    // A plan may take longer.
    (project.command.safe.plan && cx.containers.iter().any(updated)) || guard::needs_hashes(&cx)
}

/// The version of Compose, if it decides what the command deletes or renews.
async fn version(cx: &ProjectContext<'_>) -> Option<(u32, u32)> {
    let matters = cx.command.reading.depends_on_version() && !cx.project.label_mode;
    if matters { ask_version(cx).await } else { None }
}

async fn ask_version(cx: &ProjectContext<'_>) -> Option<(u32, u32)> {
    let program = cx.command.binary.path.clone();
    let asking = tokio::task::spawn_blocking(move || {
        let args = ["version", "--short"].map(OsString::from);
        let env_remove = &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET];
        process::capture(&Capture { program: &program, args: &args, env_remove, stdin: None })
    });
    let output = asking.await.ok()?.ok()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Another directory that the containers were created from, if it has a Compose file of its own.
fn other_directory(cx: &ProjectContext<'_>) -> Option<PathBuf> {
    if cx.project.label_mode || !cx.identity().local {
        return None;
    }
    cx.containers
        .iter()
        .filter_map(Container::working_dir)
        .find(|directory| !is_same_directory(directory, &cx.project.directory) && has_compose_file(directory))
        .map(Path::to_owned)
}

/// The containers whose service is missing in the file, but declared in the file that they were created from.
fn declared_elsewhere(cx: &ProjectContext<'_>) -> BTreeSet<String> {
    let Some(model) = cx.project.whole_model().filter(|_| cx.identity().local) else {
        return BTreeSet::new();
    };
    let is_missing =
        |container: &&Container| container.service().is_some_and(|name| !model.services.contains_key(name));
    let declares = |container: &&Container| {
        container.config_files().any(|file| {
            let document = std::fs::read(file).ok();
            let document = document.and_then(|text| serde_saphyr::from_slice::<Value>(&text).ok());
            let services = document.as_ref().and_then(|document| document.get("services"));
            services.zip(container.service()).is_some_and(|(services, name)| services.get(name).is_some())
        })
    };
    let found = cx.containers.iter().filter(is_missing).filter(declares);
    found.map(|container| container.id.clone()).collect()
}

/// The containers that were created from a set of files with a file in common with those of this command.
fn sharing_files(cx: &ProjectContext<'_>) -> BTreeSet<String> {
    let shares = |container: &&Container| {
        container.config_files().any(|file| cx.project.files.iter().any(|own| own == file))
    };
    cx.containers.iter().filter(shares).map(|container| container.id.clone()).collect()
}

/// Whether `cp` copies more than one file.
fn copies_directory(command: &CommandContext) -> bool {
    command.reading.copies().is_some_and(|(from, _)| from == "-" || command.env.absolute(from).is_dir())
}

/// The unset variables that Compose warns about.
fn unset_variables(warnings: &[String]) -> Vec<String> {
    warnings
        .iter()
        .filter_map(|line| line.split_once(" variable is not set"))
        .filter_map(|(before, _)| before.rsplit_once("The "))
        .map(|(_, name)| name.trim_matches(['\\', '"']).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_name_the_unset_variable() {
        let lines = [
            r#"time="2026-01-01T00:00:00Z" level=warning msg="The \"DATA_DIR\" variable is not set. Defaulting to a blank string.""#,
            "WARNING: The SUFFIX variable is not set. Defaulting to a blank string.",
            "something else",
        ];
        assert_eq!(unset_variables(&lines.map(str::to_owned)), ["DATA_DIR", "SUFFIX"]);
    }
}
