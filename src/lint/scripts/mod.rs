//! Finds commands that lose data in shell scripts, Makefiles, justfiles, `package.json` and CI workflows.
//!
//! Commands are parsed, not searched for: a file is split into scripts (`extract`), a script into calls (`shell`,
//! `calls`), a call is read as Compose and `docker` would read it (`call_readings`), and the `rules` check the result.

pub(super) mod call_context;
mod call_readings;
mod calls;
mod check;
mod comments;
mod data_directories;
mod extract;
mod kind;
mod line_index;
mod mapped_text;
pub(super) mod rules;
mod shell;
mod walk;
mod wrappers;

pub use check::check;
pub use data_directories::DataDirectories;
pub use kind::ScriptKind;
pub use walk::find;
