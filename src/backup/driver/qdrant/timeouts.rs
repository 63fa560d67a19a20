//! How long the driver waits for a transfer that does not move.

use std::time::Duration;

/// The lengths of these waits; tests have shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the next byte of a download, before it counts as broken off.
    pub stall: Duration,
    /// Between two tries.
    pub pause: Duration,
    /// For a restored collection to have all its points: what is left in its log is applied after the answer.
    pub settle: Duration,
}

impl Timeouts {
    pub const USUAL: Self = Self {
        stall: Duration::from_secs(60),
        pause: Duration::from_millis(500),
        settle: Duration::from_secs(20),
    };
}
