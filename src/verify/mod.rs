//! Compares the data of a store with what was recorded of it: its baseline, or its newest backup.

mod judge;

use std::time::Duration;

use crate::backup::baseline::StoreBaseline;
use crate::backup::driver::{DriverTarget, evidence};
use crate::backup::evidence::StoreEvidence;
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::engine::ContainerState;
use crate::inventory::StoreKind;
use crate::inventory::version::{self, VersionChange};

/// What a store has now.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was counted; `None` for plain files, which are only looked at.
    pub contents: Option<Fingerprint>,
    pub evidence: StoreEvidence,
}

/// What a store is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recorded<'a> {
    pub baseline: Option<&'a StoreBaseline>,
    /// What the newest backup tells, where the baseline tells nothing.
    pub backup: Option<&'a StoreEvidence>,
}

/// The result of comparing a store with what was recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum VerifyResult {
    /// Nothing of what was recorded is missing.
    Complete(Observation),
    /// There is nothing to compare with.
    NoBaseline(Observation),
    /// The data was destroyed intentionally; the current data is new.
    Reset { now: Observation, backup: Option<String> },
    /// Data that was recorded is missing. `now` is `None` where the service has no container to look into.
    DataMissing { now: Option<Observation>, differences: Vec<Difference> },
    /// The store could not be checked. This never counts as complete.
    Unverifiable(String),
}

/// Looks at a store and compares it with what was recorded. Waits until a server is ready, at most `limit`.
pub async fn examine(target: DriverTarget<'_>, recorded: Recorded<'_>, limit: Duration) -> VerifyResult {
    match observe(target, recorded.evidence(), limit).await {
        Ok(now) => {
            let driver = target.store.kind.driver();
            let result = judge::judge(recorded, now, |recorded, now| driver.compare(recorded, now));
            match &result {
                VerifyResult::Complete(now) | VerifyResult::NoBaseline(now) => {
                    out_of_use(target, &now.evidence).await.map_or(result, VerifyResult::Unverifiable)
                }
                VerifyResult::Reset { .. }
                | VerifyResult::DataMissing { .. }
                | VerifyResult::Unverifiable(_) => result,
            }
        }
        Err(error) => VerifyResult::Unverifiable(format!("{error:#}")),
    }
}

/// Why nothing can be said of data that is there: its server cannot open it, or does not stay up.
async fn out_of_use(target: DriverTarget<'_>, evidence: &StoreEvidence) -> Option<String> {
    let container = target.store.container.as_ref()?;
    if let Some(data) = evidence.version.as_ref().filter(|_| evidence.has_data)
        && let Some(server) = evidence::version_of_image(target.engine, container).await
        && let VersionChange::Impossible(reason) = version::change(data, &server)
    {
        return Some(format!(
            "its data is of {data}, and its image `{}` is {server}: {reason}",
            container.image
        ));
    }
    let now = target.engine.inspect(&container.id).await.ok().flatten();
    let now = now.as_ref().unwrap_or(container);
    (now.state == ContainerState::Restarting).then(|| {
        format!("its container restarts again and again, and last ended with exit code {}", now.exit_code)
    })
}

/// Looks at a store. `expected` is what was seen before.
pub async fn observe(
    target: DriverTarget<'_>,
    expected: Option<&StoreEvidence>,
    limit: Duration,
) -> anyhow::Result<Observation> {
    match target.store.kind {
        StoreKind::Volume | StoreKind::Sql(_) => Ok(Observation {
            contents: None,
            evidence: evidence::look_after_start(target, expected, limit).await?,
        }),
        StoreKind::Qdrant => {
            let driver = target.store.kind.driver();
            driver.wait_ready(target, limit).await?;
            let contents = driver.fingerprint(target).await?;
            let evidence = evidence::of_server(target, &contents).await?;
            Ok(Observation { contents: Some(contents), evidence })
        }
    }
}

impl<'a> Recorded<'a> {
    /// What was last seen of the data.
    fn evidence(self) -> Option<&'a StoreEvidence> {
        self.baseline.and_then(|baseline| baseline.evidence.as_ref()).or(self.backup)
    }
}
