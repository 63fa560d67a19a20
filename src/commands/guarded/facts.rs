//! What only some commands need to know before they can be judged. Each question is asked only when its answer could
//! change the judgement: an ordinary `up` of a healthy stack asks none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use futures_util::future::try_join_all;

use super::{links, namesakes};
use crate::commands::stack::{Asked, Stack, no_engine};
use crate::compose::grammar::Grammar;
use crate::compose::project;
use crate::engine::{Container, EngineError, Mount, MountSource};
use crate::env;
use crate::error::Failure;
use crate::guard::{self, Facts, Hashes, Scene};
use crate::process::{self, Capture};

/// The names that Compose looks for in a directory.
const FILES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// A command and its project as the guard sees them.
pub(super) fn scene<'a>(stack: &'a Stack<'_>, facts: &'a Facts) -> Scene<'a> {
    Scene {
        grammar: stack.asked.grammar,
        reading: &stack.asked.reading,
        label_mode: stack.project.label_mode,
        model: stack.project.model.as_ref(),
        whole_model: stack.project.whole_model(),
        inventory: &stack.inventory,
        containers: &stack.containers,
        volumes: &stack.volumes,
        protected: stack.holders.iter().filter_map(Container::held_volume).map(str::to_owned).collect(),
        settings: &stack.settings,
        disposable: stack.is_disposable(),
        facts,
    }
}

pub(super) async fn gather(stack: &Stack<'_>, unknown_flag: Option<String>) -> Result<Facts, Failure> {
    let asked = stack.asked;
    let mut facts = Facts {
        other_directory: other_directory(stack),
        named_by_hand: asked.reading.globals.project_name.is_some()
            || asked.env.compose_project_name.is_some(),
        remove_orphans: asked.env.compose_remove_orphans || stack.project.removes_orphans,
        terminal: asked.ui.is_terminal(),
        copies_directory: copies_directory(asked),
        unknown_flag,
        unset_variables: unset_variables(&stack.project.warnings),
        ..Facts::default()
    };
    facts.version = version(stack).await;
    from_the_engine(stack, &mut facts).await.map_err(no_engine)?;
    facts.copy_targets = links::copy_targets(stack).await.map_err(no_engine)?;
    if asks_for_hashes(stack, &facts) {
        facts.hashes = hashes(asked).await;
    }
    if guard::needs_version(&scene(stack, &facts)) {
        facts.version = ask_version(stack).await;
    }
    Ok(facts)
}

async fn from_the_engine(stack: &Stack<'_>, facts: &mut Facts) -> Result<(), EngineError> {
    let engine = stack.engine.as_ref();
    let images = images(stack, facts);
    let found = try_join_all(images.iter().map(|reference| engine.image(reference))).await?;
    facts.images = images.into_iter().zip(found).collect();

    let contested: Vec<String> =
        guard::contested(&scene(stack, facts)).into_iter().map(str::to_owned).collect();
    let mounting = try_join_all(contested.iter().map(|volume| engine.containers_with_volume(volume))).await?;
    for container in mounting.into_iter().flatten() {
        let known = |one: &Container| one.id == container.id;
        if !stack.containers.iter().any(known) && !facts.outsiders.iter().any(known) {
            facts.outsiders.push(container);
        }
    }

    // A plan has what is not told too.
    if stack.asked.safe.plan || guard::makes_anew(&scene(stack, facts)) {
        namesakes::gather(stack, facts).await?;
    }
    Ok(())
}

/// The images that say something about what a container would lose, or that would be deleted.
fn images(stack: &Stack<'_>, facts: &Facts) -> Vec<String> {
    let scene = scene(stack, facts);
    let mut images = Vec::new();
    let mut add = |reference: &str| {
        if !images.iter().any(|known| known == reference) {
            images.push(reference.to_owned());
        }
    };
    if scene.subcommand() == "down" && scene.reading.value("rmi").is_some() {
        for service in scene.file().into_iter().flat_map(|model| model.services.values()) {
            if let Some(image) = &service.image {
                add(image);
            } else {
                let separator = if scene.grammar == Grammar::V1 { '_' } else { '-' };
                add(&format!("{}{separator}{}", stack.project.name, service.name));
            }
        }
        scene.containers_in_reach().for_each(|container| add(&container.image));
    }
    for container in scene.containers {
        let Some(service) = container.service().and_then(|name| scene.service(name)) else { continue };
        let made_anew = scene.role(&service.name).is_some();
        let anonymous = |mount: &Mount| matches!(mount.source, MountSource::Volume { anonymous: true, .. });
        let carries = container.mounts.iter().any(anonymous);
        // A volume where the file has none may be there by the image.
        let elsewhere = container.mounts.iter().any(|mount| {
            matches!(mount.source, MountSource::Volume { anonymous: false, .. })
                && service.mounts.iter().all(|declared| declared.target != mount.destination)
        });
        let matters = stack.asked.safe.plan || carries || scene.keeps_data_in_layer(container);
        if elsewhere || (made_anew && matters) {
            add(&container.image);
            service.image.iter().for_each(|image| add(image));
        }
        if made_anew && carries && scene.grammar == Grammar::V1 {
            add(&container.image_id);
        }
    }
    images
}

fn asks_for_hashes(stack: &Stack<'_>, facts: &Facts) -> bool {
    let scene = scene(stack, facts);
    let made =
        |container: &Container| container.service().is_some_and(|service| scene.role(service).is_some());
    // A plan is worth its time.
    (stack.asked.safe.plan && scene.containers.iter().any(made)) || guard::needs_hashes(&scene)
}

async fn hashes(asked: &Asked) -> Hashes {
    let (binary, reading, stdin) = (asked.binary.clone(), asked.reading.clone(), asked.stdin.clone());
    let asking = tokio::task::spawn_blocking(move || project::hashes(&binary, &reading, stdin.as_deref()));
    asking.await.ok().flatten().map_or(Hashes::Unknown, Hashes::Known)
}

/// The version decides how far `down --volumes SERVICE` and `up --renew-anon-volumes` reach.
async fn version(stack: &Stack<'_>) -> Option<(u32, u32)> {
    let reading = &stack.asked.reading;
    let subcommand = reading.subcommand.as_deref().unwrap_or_default();
    let matters = match subcommand {
        "down" => reading.is_set("volumes") && !reading.operands.is_empty(),
        "up" => reading.is_set("renew-anon-volumes"),
        _ => false,
    } && reading.grammar == Grammar::V2
        && !stack.project.label_mode;
    if matters { ask_version(stack).await } else { None }
}

async fn ask_version(stack: &Stack<'_>) -> Option<(u32, u32)> {
    let program = stack.asked.binary.path.clone();
    let asking = tokio::task::spawn_blocking(move || {
        let args = ["version", "--short"].map(OsString::from);
        let env_remove = &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET];
        process::capture(&Capture { program: &program, args: &args, env_remove, stdin: None })
    });
    let output = asking.await.ok()?.ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
    let mut parts = said.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Another directory that the containers were made from, as long as it is a project of its own.
fn other_directory(stack: &Stack<'_>) -> Option<PathBuf> {
    if stack.project.label_mode || !stack.identity().local {
        return None;
    }
    let same = |one: &Path, other: &Path| {
        one == other
            || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
    };
    stack
        .containers
        .iter()
        .filter_map(Container::working_dir)
        .find(|directory| {
            !same(directory, &stack.project.directory)
                && FILES.iter().any(|file| directory.join(file).is_file())
        })
        .map(Path::to_owned)
}

/// Whether `cp` copies more than one file.
fn copies_directory(asked: &Asked) -> bool {
    asked.reading.subcommand.as_deref() == Some("cp")
        && asked.reading.operands.first().is_some_and(|from| from == "-" || asked.env.absolute(from).is_dir())
}

/// The variables that Compose has complained about.
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
    fn both_composes_name_the_variable_that_is_missing() {
        let lines = [
            r#"time="2026-01-01T00:00:00Z" level=warning msg="The \"DATA_DIR\" variable is not set. Defaulting to a blank string.""#,
            "WARNING: The SUFFIX variable is not set. Defaulting to a blank string.",
            "something else",
        ];
        assert_eq!(unset_variables(&lines.map(str::to_owned)), ["DATA_DIR", "SUFFIX"]);
    }
}
