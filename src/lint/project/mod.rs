//! A project as the rules see it: services, mounts, ports, volumes and data, with their spans.

mod command_words;
mod coverage;
mod data_path;
mod dockerignore;
mod image_version;
mod lint_project;
mod mount;
mod port;
mod references;
mod service;
mod shape;
mod store;
mod validate;
mod volume;
mod volumes_from;

pub(crate) use command_words::CommandWords;
pub(crate) use coverage::MountCoverage;
pub(crate) use image_version::ImageVersion;
pub(crate) use lint_project::LintProject;
pub(crate) use mount::{LintMount, LintMountSource};
pub(crate) use service::LintService;
pub(crate) use store::LintStore;
pub(crate) use volume::LintVolume;

pub(super) use dockerignore::DockerIgnore;
pub(super) use mount::host_path;
