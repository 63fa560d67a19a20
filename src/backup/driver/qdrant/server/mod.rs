//! The server's side: where it listens, what it is asked, and what its answers mean.

pub(crate) mod access;
pub(crate) mod client;
pub(crate) mod cluster;
mod container_files;
pub(crate) mod error;
mod grpc;
mod pinned;
pub(crate) mod placement;
pub(crate) mod ready;
pub(crate) mod rest;
mod settings;
pub(crate) mod upload;
pub(crate) mod version;
