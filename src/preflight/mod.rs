//! Looks at the places where data is kept, before a service is started on them.
//!
//! A server that finds its directory missing, read-only, full or foreign starts empty, stops half-way or loops; all of
//! that can be seen beforehand. Nothing is changed here: what can be mended is handed out as a [`Repair`].

pub mod checks;
mod data_mount;
mod finding;
mod repair;
mod user;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::compose::model::Model;
use crate::engine::Engine;
use crate::inventory::Inventory;

pub use finding::{Finding, Severity};
pub use repair::Repair;

/// How long one place may take. A network file system whose server is gone never answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is about to be started.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The services that are started; `None` means all.
    pub services: Option<&'a BTreeSet<String>>,
    /// The project as the file has it; `None` when Compose reads no file.
    pub model: Option<&'a Model>,
    pub inventory: &'a Inventory,
    pub engine: &'a dyn Engine,
    pub start: Start,
}

/// Which mounts will be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Those of the file: `up`, `create`, `run`.
    AsDeclared,
    /// Those of the containers there are: `start`, `restart`.
    AsCreated,
}

/// Checks every data place of every service in scope.
pub async fn examine(input: Input<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mounts = data_mount::resolve(input).await;
    if !input.inventory.engine.local
        && let Some(mount) = mounts.iter().find(|mount| mount.is_on_host())
    {
        findings.push(Finding::new(
            Severity::Note,
            &mount.service,
            "the directories of the engine's host are not checked",
            format!(
                "the engine at `{}` does not share its files with this machine",
                input.inventory.engine.endpoint
            ),
        ));
    }
    let looking: Vec<_> = mounts.into_iter().map(looked_at).collect();
    for found in looking {
        for finding in found.await {
            // Replicas share their places.
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings.sort_by(|one, other| {
        one.severity.cmp(&other.severity).then_with(|| one.service.cmp(&other.service))
    });
    findings
}

/// Runs the checks on one place in a thread of its own, which is left behind when it hangs: a thread that waits for a
/// dead file server cannot be ended, and must not hold up the end of the program either.
fn looked_at(mount: data_mount::DataMount) -> impl Future<Output = Vec<Finding>> {
    let silent = Finding::new(
        Severity::Warn,
        &mount.service,
        format!("{} does not answer", mount.name()),
        "its file system did not respond in time, so nothing could be checked",
    );
    let (tell, told) = tokio::sync::oneshot::channel();
    let started = std::thread::Builder::new().name("preflight".to_owned()).spawn(move || {
        let _ = tell.send(checks::run(&mount));
    });
    async move {
        match (started, tokio::time::timeout(PATIENCE, told).await) {
            (Ok(_), Ok(Ok(findings))) => findings,
            (Ok(_) | Err(_), _) => vec![silent],
        }
    }
}
