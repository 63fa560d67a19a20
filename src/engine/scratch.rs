//! Scratch containers: temporary servers for test restores, removed afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::secret::Secret;

/// The label of scratch containers and their networks; the value is [`Scratch::owner`]. Nothing without this label is
/// removed as a scratch container.
pub const SCRATCH_LABEL: &str = "safe-compose.scratch";

/// The configuration of a scratch container. It publishes no port and mounts nothing of the host, and its network only
/// reaches the engine's host. Its data is removed with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scratch {
    /// The name of the container and of its network.
    pub name: String,
    /// Identifies who created it, to distinguish leftovers of a killed run from containers in use.
    pub owner: String,
    pub image: String,
    /// Added to the environment of the image.
    pub environment: BTreeMap<String, Secret>,
    /// In place of the command of the image; empty for that.
    pub command: Vec<String>,
    /// Where it has anonymous volumes, besides those of the image.
    pub volumes: Vec<PathBuf>,
    pub limits: ScratchLimits,
}

/// The resource limits of a scratch container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScratchLimits {
    /// In bytes; swap is disabled.
    pub memory: u64,
    /// CPU time, in thousandths of one processor.
    pub millicpus: u32,
    pub processes: u32,
}
