//! The integration tests: one binary, one file for each thing that is tried. None needs Docker.

mod architecture;
mod backup_fixture;
mod backup_formats;
mod backup_store;
mod cli_reference;
mod command_line;
mod completions;
mod compose_binary;
mod compose_grammar;
mod compose_project;
mod context;
mod dry_runs;
mod export_format;
mod fuzz_scripts;
mod fuzz_words;
mod guard;
mod harmless_words;
mod help_texts;
mod journal;
mod lint;
mod lint_output;
mod lint_scripts;
mod messages;
mod oracle_list;
#[path = "../shared/own_commands.rs"]
mod own_commands;
mod panics;
mod preflight;
mod process;
mod protect;
mod qdrant_access;
mod qdrant_backup;
mod qdrant_cluster;
mod qdrant_export;
mod qdrant_import;
mod qdrant_incremental;
mod qdrant_proof;
mod qdrant_restore;
mod qdrant_stand;
mod qdrant_switch;
#[path = "../requirements.rs"]
mod requirements;
mod retention;
mod suggestions;
mod support;
mod volume_driver;
