//! Loads Compose files as Compose does, without Compose, and keeps the span of every node.
//!
//! The rules are those of compose-go (`loader`, `override`, `template`). What it refuses is a [`LoadProblem`].

mod context;
mod env_file;
mod extend;
mod include;
mod interpolate;
mod load;
mod merge;
mod mount_fields;
mod pairs;
mod problem;
mod project_loader;
mod read;
mod target;
mod variables;

pub(super) use env_file::FileEnvironment;
pub(crate) use load::{LoadedProject, load};
pub(super) use mount_fields::mount_fields;
pub(super) use pairs::as_pairs;
pub(crate) use problem::{LoadProblem, REFUSED};
pub(super) use read::read as read_file;
pub use read::{MAX_BYTES, decode};
pub use target::{LintTarget, targets};
