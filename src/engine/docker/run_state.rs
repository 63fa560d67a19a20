//! Pauses, stops and starts containers.
//!
//! Each request is about a state, not about a change: it succeeds if the container is in that state already.

use std::time::Duration;

use bollard::Docker;

use super::super::{ContainerState, Result};
use super::{DockerEngine, api};
use crate::engine::EngineError;

/// The grace period of a container may be long, and the engine answers when it is over.
const STOP_TIMEOUT: Duration = Duration::from_hours(24);

/// The kernel cannot always freeze processes that start others all the time: `unable to freeze` (runc 1.1, cgroup v1). The
/// next attempt may succeed.
const PAUSE_ATTEMPTS: u32 = 10;
const PAUSE_RETRY: Duration = Duration::from_millis(200);

impl DockerEngine {
    pub(super) async fn pause_container(&self, id: &str) -> Result<()> {
        let client = self.api.client();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let request = client.pause_container(self.checked(id, "pause")?);
            let paused =
                self.change(id, "pause", request, |state| state == Some(ContainerState::Paused)).await;
            match paused {
                Err(EngineError::Refused { .. }) if attempts < PAUSE_ATTEMPTS => {
                    tokio::time::sleep(PAUSE_RETRY).await;
                }
                ended => return ended,
            }
        }
    }

    pub(super) async fn unpause_container(&self, id: &str) -> Result<()> {
        let client = self.api.client();
        self.change(id, "unpause", client.unpause_container(self.checked(id, "unpause")?), |state| {
            state != Some(ContainerState::Paused)
        })
        .await
    }

    pub(super) async fn stop_container(&self, id: &str) -> Result<()> {
        let client: Docker = self.api.client().clone().with_timeout(STOP_TIMEOUT);
        self.change(id, "stop", client.stop_container(self.checked(id, "stop")?, None), |state| {
            matches!(
                state,
                None | Some(ContainerState::Created | ContainerState::Exited | ContainerState::Dead)
            )
        })
        .await
    }

    pub(super) async fn start_container(&self, id: &str) -> Result<()> {
        let client = self.api.client();
        self.change(id, "start", client.start_container(self.checked(id, "start")?, None), |state| {
            matches!(state, None | Some(ContainerState::Running | ContainerState::Restarting))
        })
        .await
    }

    fn checked<'i>(&self, id: &'i str, verb: &str) -> Result<&'i str> {
        api::checked(id).map_err(|error| self.errors.request(&format!("{verb} container `{id}`"), error))
    }

    /// An error counts only if the container is not in the state that was asked for.
    async fn change(
        &self,
        id: &str,
        verb: &str,
        request: impl Future<Output = std::result::Result<(), bollard::errors::Error>>,
        is_done: impl Fn(Option<ContainerState>) -> bool,
    ) -> Result<()> {
        let Err(error) = request.await else { return Ok(()) };
        let error: EngineError = self.errors.request(&format!("{verb} container `{id}`"), error);
        let Ok(found) = self.container(id).await else { return Err(error) };
        if is_done(found.map(|found| found.into_model().state)) { Ok(()) } else { Err(error) }
    }
}
