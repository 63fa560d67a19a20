//! The sizes of volumes, if the engine reports them soon.
//!
//! The engine reads all volumes to measure them, which takes minutes on a large host. The only decision
//! that depends on a size is whether an empty volume is worth a question.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use super::{Engine, EngineError};

/// How long the engine may take.
const LIMIT: Duration = Duration::from_secs(1);

/// Why sizes are left out.
#[derive(Debug, thiserror::Error)]
pub enum SizesUnknown {
    #[error("the engine did not report the sizes of its volumes within {} second", LIMIT.as_secs())]
    Late,
    #[error("the engine did not report the sizes of its volumes")]
    Failed(#[source] EngineError),
}

/// The size of each volume in bytes, or the reason why it is not known.
pub async fn volume_sizes_in_time(engine: &dyn Engine) -> Result<BTreeMap<String, u64>, SizesUnknown> {
    match timeout(LIMIT, engine.volume_sizes()).await {
        Ok(measured) => measured.map_err(SizesUnknown::Failed),
        Err(_) => Err(SizesUnknown::Late),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::engine::memory::{EngineMethod, MemoryEngine};

    #[tokio::test]
    async fn nobody_waits_for_a_slow_engine() {
        let engine = MemoryEngine::new();
        engine.measure_volumes_for(Duration::from_mins(1));
        let started = Instant::now();
        let sizes = volume_sizes_in_time(&engine).await;
        assert!(matches!(sizes, Err(SizesUnknown::Late)), "{sizes:?}");
        assert!(started.elapsed() < LIMIT * 5, "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_failure_is_a_reason_too() {
        let engine = MemoryEngine::new();
        assert!(volume_sizes_in_time(&engine).await.is_ok());
        engine.fail(EngineMethod::VolumeSizes);
        assert!(matches!(volume_sizes_in_time(&engine).await, Err(SizesUnknown::Failed(_))));
    }
}
