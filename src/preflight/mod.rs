//! Checks the data mounts of services before they start.
//!
//! A server whose data directory is missing, read-only, full or owned by another user starts empty, fails, or restarts in
//! a loop. The checks find this before the start. They change nothing: what can be fixed is returned as a [`Repair`].

mod checks;
mod data_mount;
mod finding;
mod repair;
mod second_server;
mod user;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::compose::model::Model;
use crate::engine::Engine;
use crate::inventory::Inventory;

pub use finding::{CheckFinding, CheckSeverity};
#[cfg(feature = "internals")]
pub use repair::Repair;

/// How long the checks of one mount may take. A network file system whose server is down never responds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the command starts.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The services that are started; `None` means all.
    pub services: Option<&'a BTreeSet<String>>,
    /// The project in the Compose file; `None` if Compose reads no file.
    pub model: Option<&'a Model>,
    pub inventory: &'a Inventory,
    pub engine: &'a dyn Engine,
    pub start: Start,
}

impl Input<'_> {
    /// Whether a service would start: one that is named, or else every one of the active profiles.
    fn starts(&self, service: &str) -> bool {
        match (self.services, self.start) {
            (Some(services), _) => services.contains(service),
            (None, Start::AsDeclared) => self.model.is_none_or(|model| model.services.contains_key(service)),
            (None, Start::AsCreated) => true,
        }
    }
}

/// Which mounts the containers will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Those in the Compose file: `up`, `create`, `run`.
    AsDeclared,
    /// Those of the existing containers: `start`, `restart`.
    AsCreated,
}

/// Checks the data mounts of all services in scope.
pub async fn examine(input: Input<'_>) -> Vec<CheckFinding> {
    let mut findings: Vec<CheckFinding> = Vec::new();
    let mounts = data_mount::resolve(input).await;
    if !input.inventory.engine.local
        && let Some(mount) = mounts.iter().find(|mount| mount.is_on_host())
    {
        findings.push(CheckFinding::new(
            CheckSeverity::Note,
            &mount.service,
            "directories on the engine's host are not checked",
            format!(
                "the engine at `{}` does not use the file system of this machine",
                input.inventory.engine.endpoint
            ),
        ));
    }
    let running: Vec<_> = mounts.into_iter().map(check_mount).collect();
    for check in running {
        for finding in check.await {
            // Replicas share their mounts.
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings.extend(second_server::check(input).await);
    findings.sort_by(|one, other| {
        one.severity.cmp(&other.severity).then_with(|| one.service.cmp(&other.service))
    });
    findings
}

/// Checks one mount in a thread of its own, which is abandoned if it hangs: a thread that waits for an unreachable file
/// server cannot be cancelled, and must not delay the end of the program.
fn check_mount(mount: data_mount::DataMount) -> impl Future<Output = Vec<CheckFinding>> {
    let no_response = CheckFinding::new(
        CheckSeverity::Warn,
        &mount.service,
        format!("{} does not respond", mount.name()),
        "its file system did not respond in time, so it could not be checked",
    );
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let started = std::thread::Builder::new().name("preflight".to_owned()).spawn(move || {
        let _ = sender.send(checks::run(&mount));
    });
    async move {
        match (started, tokio::time::timeout(TIMEOUT, receiver).await) {
            (Ok(_), Ok(Ok(findings))) => findings,
            (Ok(_) | Err(_), _) => vec![no_response],
        }
    }
}
