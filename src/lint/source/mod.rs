//! Reads a project's files as Compose does, without Compose, and remembers where everything stands.
//!
//! The rules are those of compose-go (`loader`, `override`, `template`); what it refuses is a [`Problem`] with a place.

mod extend;
mod files;
mod include;
mod interpolate;
mod load;
mod merge;
mod node;
mod target;
mod yaml;

pub use files::{FileId, Files, Span};
pub use load::{Loaded, Problem, load};
pub use load::{MAX_BYTES, decode};
pub(super) use merge::as_pairs;
pub use node::{Doubt, Entry, Node, Text, Value};
pub use target::{Target, targets};
