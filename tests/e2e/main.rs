//! End-to-end tests: the program on a real Docker Engine, with real Composes.
#![expect(clippy::print_stderr, reason = "a skipped test says why")]
#![expect(clippy::disallowed_methods, reason = "tests start programs and read the environment")]
#![expect(unreachable_pub, reason = "a test crate has no outside")]

mod bitnami;
mod canary;
mod cases;
mod cases_away;
mod cases_held;
mod cases_layers;
mod database_trials;
mod databases;
mod databases_stopped;
mod differential;
mod dry_runs;
mod engine;
mod faults;
mod gone_stack;
mod guide;
mod hooks;
mod locked_out;
mod oracle;
#[path = "../shared/own_commands.rs"]
mod own_commands;
mod own_engine;
mod preflight;
mod protect;
mod proving;
mod qdrant_cluster;
mod qdrant_driver;
mod qdrant_proof;
mod quiesce;
#[path = "../shared/random.rs"]
mod random;
mod records;
mod remote;
mod repository;
mod repository_kills;
mod repository_postgres;
mod repository_qdrant;
#[path = "../requirements.rs"]
mod requirements;
mod restore;
mod setup;
mod support;
mod together;
mod undo;
mod undo_hazards;
mod upgrade;
mod v1_api;
mod v1_volumes;
mod verification;
mod versions;
mod volume_driver;
