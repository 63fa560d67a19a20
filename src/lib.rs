//! `safe-compose` runs `docker compose` for you and guards the data.
//!
//! `docs/architecture.md` shows the modules and how one command passes through them. Imports go downwards only;
//! `tests/integration/architecture.rs` holds the table.
//!
//! The program needs one function of this library. Everything else is private, so that the compiler finds dead code,
//! and public only with the feature `internals`, which the project's own tests switch on (see `Cargo.toml`).

#![cfg_attr(
    not(feature = "internals"),
    expect(
        unreachable_pub,
        reason = "`pub` means: public with the feature `internals`, where the lint is on"
    )
)]

pub use run::main;

cfg_if::cfg_if! {
    if #[cfg(feature = "internals")] {
        pub mod env;
        pub mod error;
        pub mod exit;
        pub mod progress;
        pub mod run_state;
        pub mod secret;
        pub mod store_kind;
        pub mod suggest;
        pub mod tls;
        pub mod units;

        pub mod fs;
        pub mod policy;
        pub mod process;
        pub mod qdrant;
        pub mod tool_labels;

        pub mod compose;
        pub mod engine;
        pub mod event;
        pub mod trust;

        pub mod inventory;
        pub mod settings;

        pub mod backup;
        pub mod guard;
        pub mod hooks;
        pub mod journal;
        pub mod lint;
        pub mod notify;
        pub mod preflight;
        pub mod protect;
        pub mod verify;

        pub mod setup;
        pub mod ui;

        pub mod cli;
        pub mod commands;

        pub mod fuzz;
        pub mod run;
    } else {
        mod env;
        mod error;
        mod exit;
        mod progress;
        mod run_state;
        mod secret;
        mod store_kind;
        mod suggest;
        mod tls;
        mod units;

        mod fs;
        mod policy;
        mod process;
        mod qdrant;
        mod tool_labels;

        mod compose;
        mod engine;
        mod event;
        mod trust;

        mod inventory;
        mod settings;

        mod backup;
        mod guard;
        mod hooks;
        mod journal;
        mod lint;
        mod notify;
        mod preflight;
        mod protect;
        mod verify;

        mod setup;
        mod ui;

        mod cli;
        mod commands;

        mod run;
    }
}
