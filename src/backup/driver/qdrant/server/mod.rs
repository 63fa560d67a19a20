//! Requests to a server: endpoints, keys, REST, gRPC and errors.

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
