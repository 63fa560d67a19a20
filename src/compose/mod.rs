//! Everything about Compose itself: its two grammars, where the real one is, and what a project's file says.

pub mod binary;
pub mod dotenv;
pub mod grammar;
pub mod image;
pub mod invocation;
pub mod model;
pub mod project;
pub mod template;
