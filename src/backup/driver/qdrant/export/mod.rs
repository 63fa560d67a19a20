//! Exports a server into a portable file, and imports one.
//!
//! Over REST only: gRPC has no integers above `i64::MAX` in payloads, and keeps no order of their keys
//! (`lib/api/src/conversions/json.rs`).

mod finalize;
mod import;
mod load;
mod partition;
mod plan;
mod portable;
mod scroll;

pub(crate) use import::{ImportJob, import};
pub(crate) use plan::plan;
pub(crate) use portable::export;
