//! The integration tests: one binary, one file for each thing that is tried. None needs Docker.

mod architecture;
mod backup_fixture;
mod backup_store;
mod compose_binary;
mod compose_grammar;
mod compose_project;
mod context;
mod fuzz_scripts;
mod fuzz_words;
mod guard;
mod journal;
mod lint;
mod lint_output;
mod lint_scripts;
mod preflight;
mod process;
mod protect;
mod qdrant_backup;
mod qdrant_restore;
mod qdrant_stand;
mod retention;
mod suggestions;
mod support;
mod volume_driver;
