//! A project as the rules see it: services, mounts, ports and volumes, each with its place.

mod mount;
mod port;
mod read;
mod service;
mod store;
mod words;

pub use mount::{Mount, Source};
pub use read::{Project, Volume};
pub use service::Service;
pub use store::{Cover, Store, Version};
pub use words::Words;

pub(super) use mount::{host_path, short_target};
