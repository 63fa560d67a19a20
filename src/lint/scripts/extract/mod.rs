//! Extracts shell scripts from files of other formats.

mod file;
mod json;
mod justfile;
mod makefile;
mod script;
mod template;
mod workflow;
mod yaml_script;

pub(super) use file::scripts;
pub(super) use yaml_script::read as read_yaml;
