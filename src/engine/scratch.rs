//! A container that a backup is tried out in: it lives for that, holds nothing of value, and is removed afterwards.

use std::collections::BTreeMap;

use crate::secret::Secret;

/// The label of every container and network that is made to try a backup out; its value is [`Scratch::owner`]. What does
/// not bear it is never removed as one.
pub const SCRATCH_LABEL: &str = "safe-compose.scratch";

/// What such a container is made of. It publishes no port, mounts nothing of the host, and its network leads nowhere but to
/// the engine's host; what it writes goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scratch {
    /// Of the container and of its network.
    pub name: String,
    /// Who makes it, so that what a killed run has left behind is told from what another run is at.
    pub owner: String,
    pub image: String,
    /// Beside what the image sets.
    pub environment: BTreeMap<String, Secret>,
    pub limits: Limits,
}

/// How much of its host a scratch container may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes; there is no swap beside.
    pub memory: u64,
    /// Thousandths of one processor's time.
    pub millicpus: u32,
    pub processes: u32,
}
