//! How long the engine may take.

use std::time::Duration;

/// How long the engine may take to start a response.
const TIMEOUT: Duration = Duration::from_mins(1);

/// [`TIMEOUT`], or in debug builds, which the tests run, the seconds that `SAFE_COMPOSE_TEST_ENGINE_TIMEOUT` says.
pub(super) fn timeout() -> Duration {
    #[cfg(debug_assertions)]
    if let Some(seconds) = crate::env::variable("SAFE_COMPOSE_TEST_ENGINE_TIMEOUT") {
        return Duration::from_secs(seconds.parse().expect("a number of seconds"));
    }
    TIMEOUT
}
