//! What is paused or stopped for a copy, on disk: a process that is killed cannot let its containers go on, so the next
//! command does.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use super::context::ProjectContext;
use super::mode::Apply;
use crate::engine::{self, ContainerState, EngineError};
use crate::error::causes;
use crate::fs::{
    FsError, PRIVATE_FILE, create_ignored_dir_all, create_private_dir_all, remove_file, write_atomically,
};

/// The directory with the records. Its first letter keeps it out of the list of backups.
const DIRECTORY: &str = ".held";

/// A container that is kept from writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeldContainer {
    pub(super) id: String,
    pub(super) name: String,
    /// It was stopped; otherwise it was paused.
    pub(super) stopped: bool,
    /// When it had been started the last time, where the engine knows it.
    pub(super) started: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    /// The process, as [`engine::owner`] describes it.
    owner: String,
    /// The id of the engine.
    engine: String,
    containers: Vec<HeldContainer>,
}

/// The record of this process. Dropping it leaves the file.
#[derive(Debug)]
pub(super) struct HeldRecord {
    root: PathBuf,
    engine: String,
    path: PathBuf,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl HeldRecord {
    pub(super) fn new(cx: &ProjectContext<'_>) -> Self {
        let root = cx.root.directory().to_owned();
        let name = format!("{}-{}.json", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = root.join(DIRECTORY).join(name);
        Self { root, engine: cx.identity().id.clone(), path }
    }

    /// Writes which containers are held from now on; none removes the record.
    pub(super) fn write(&self, containers: Vec<HeldContainer>) -> Result<(), FsError> {
        if containers.is_empty() {
            return if self.path.exists() { remove_file(&self.path) } else { Ok(()) };
        }
        create_ignored_dir_all(&self.root)?;
        create_private_dir_all(&self.root.join(DIRECTORY))?;
        let contents = Contents { owner: engine::owner(), engine: self.engine.clone(), containers };
        write_atomically(&self.path, &crate::fs::to_json(&contents), PRIVATE_FILE)
    }
}

/// The records of processes that are gone, with their files.
fn interrupted(root: &Path, engine: &str) -> Vec<(PathBuf, Vec<HeldContainer>)> {
    let Ok(entries) = std::fs::read_dir(root.join(DIRECTORY)) else { return Vec::new() };
    let read = |path: PathBuf| {
        let contents: Contents = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        let is_interrupted = contents.engine == engine && engine::is_gone(&contents.owner);
        is_interrupted.then_some((path, contents.containers))
    };
    entries.flatten().filter_map(|entry| read(entry.path())).collect()
}

/// One sentence for each container that an interrupted command may have left paused or stopped.
pub(super) fn warnings(cx: &ProjectContext<'_>) -> Vec<String> {
    let of_all = interrupted(cx.root.directory(), &cx.identity().id).into_iter();
    of_all
        .flat_map(|(_, containers)| containers)
        .map(|HeldContainer { name, stopped, .. }| {
            let (what, verb) = if stopped { ("stopped", "start") } else { ("paused", "unpause") };
            format!(
                "an interrupted backup may have left `{name}` {what}. The next `up` or `backup` lets it go on, or: \
                 `docker {verb} {name}`"
            )
        })
        .collect()
}

/// Lets the containers go on that interrupted commands held. Returns whether the state of any has changed.
pub(super) async fn let_go(cx: &ProjectContext<'_>, _: Apply) -> bool {
    let mut any = false;
    for (path, containers) in interrupted(cx.root.directory(), &cx.identity().id) {
        let mut failed = false;
        for held in &containers {
            match release(cx, held).await {
                Ok(true) => {
                    any = true;
                    let what = if held.stopped { "stopped" } else { "paused" };
                    cx.ui().say(format!(
                        "`{}` runs again: an interrupted backup had left it {what}.",
                        held.name
                    ));
                }
                Ok(false) => {}
                Err(error) => {
                    failed = true;
                    let (name, error) = (&held.name, causes(&error.into()));
                    cx.ui()
                        .warn(format!("an interrupted backup held `{name}`, and it cannot go on: {error}."));
                }
            }
        }
        // What cannot be removed is looked at again by the next command, which finds nothing to do.
        if !failed {
            let _ = remove_file(&path);
        }
    }
    any
}

/// `false` if it is not held any more: somebody else has decided about it since.
async fn release(cx: &ProjectContext<'_>, held: &HeldContainer) -> Result<bool, EngineError> {
    let Some(now) = cx.engine.inspect(&held.id).await? else { return Ok(false) };
    let is_held = now.started == held.started
        && if held.stopped { !now.is_running() } else { now.state == ContainerState::Paused };
    if !is_held {
        return Ok(false);
    }
    if held.stopped {
        cx.engine.start(&held.id).await?;
    } else {
        cx.engine.unpause(&held.id).await?;
    }
    Ok(true)
}
