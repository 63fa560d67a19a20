//! What the program prints: complete command lines against an engine in memory and a stand-in for Compose, the screen
//! held in snapshots.
//!
//! Each snapshot is a session as a user sees it, in `messages/snapshots/<area>/`. To record them again:
//! `INSTA_UPDATE=always cargo test --test integration messages`.

mod away;
mod backups;
mod databases;
mod destroy;
mod every;
mod failures;
mod files;
mod hooks;
mod labels;
mod lint;
mod named;
mod plan;
mod prompt;
mod protect;
mod quiesce;
mod repository;
mod restore;
pub(crate) mod scene;
mod setup;
mod start;
mod status;
mod together;
mod trust;
mod undo;
mod upgrade;
mod usage;
mod verify;
mod versions;
