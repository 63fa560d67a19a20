//! Reads Compose files, and what runs Compose, for ways in which they will lose data. Neither Docker nor a network is
//! needed.

pub mod finding;
pub mod output;
pub mod scripts;

pub use finding::{Finding, Place, Severity};
