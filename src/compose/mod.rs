//! Compose itself: its two grammars, what a command means, where the real program is, and what a project's file says.

pub mod actions;
pub mod binary;
pub mod dotenv;
pub mod grammar;
pub mod image;
pub mod invocation;
pub mod model;
pub mod project;
pub mod stop;
pub mod subcommand;
pub mod template;
