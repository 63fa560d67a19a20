//! `safe-compose` stands in for `docker compose` and makes it impossible to lose data by accident.
//!
//! `docs/architecture.md` shows the rooms and how one command passes through them. Imports go downwards only;
//! `tests/integration/architecture.rs` holds the table.

pub mod env;
pub mod error;
pub mod exit;
pub mod progress;
pub mod run_state;
pub mod secret;
pub mod suggest;
pub mod units;

pub mod fs;
pub mod policy;
pub mod process;
pub mod qdrant;

pub mod compose;
pub mod engine;

pub mod inventory;
pub mod settings;

pub mod backup;
pub mod guard;
pub mod journal;
pub mod lint;
pub mod preflight;
pub mod protect;
pub mod verify;

pub mod ui;

pub mod cli;
pub mod commands;

pub mod run;
