//! The timeouts of the driver.

use std::time::Duration;

/// Tests use shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the next byte of a download.
    pub stall: Duration,
    /// Between two attempts.
    pub pause: Duration,
    /// For a restored collection to have all its points: the end of its log is applied after the response.
    pub settle: Duration,
}

impl Timeouts {
    pub const USUAL: Self = Self {
        stall: Duration::from_mins(1),
        pause: Duration::from_millis(500),
        settle: Duration::from_secs(20),
    };
}
