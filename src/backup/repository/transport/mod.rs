//! How the files of a repository get to where it is, and back.
//!
//! A [`Transport`] tries each request once. [`remote`] tries it again, [`http`] notices servers that stall, and [`rate`] keeps to the
//! limits of the settings; nothing else does.

mod error;
mod http;
mod local;
mod object_store;
mod paced_body;
mod rate;
mod rclone;
mod remote;
mod rest;
mod s3_requests;
mod stall;

use bytes::Bytes;
use rustic_core::{FileType, Id};

pub(super) use error::TransportError;
pub(super) use http::HttpServer;
pub(super) use local::LocalDirectory;
pub(super) use object_store::ObjectStore;
pub use rate::RateLimits;
pub(super) use rclone::Rclone;
pub(super) use remote::{Patience, Remote};
pub(super) use rest::RestServer;

/// A file of a repository that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteRange {
    pub(super) start: u32,
    pub(super) length: u32,
}

/// A place that is reached through a network or a program.
///
/// A file that is there under its name is complete.
pub(super) trait Transport: Send + Sync + 'static {
    /// The name that the place has for a file.
    fn path(&self, kind: FileType, id: &Id) -> String;

    /// Makes what has to be there before the first file.
    async fn create(&self) -> Result<(), TransportError>;

    /// The size of a file; `None` if it is not there.
    async fn size(&self, path: &str) -> Result<Option<u64>, TransportError>;

    /// The files of a kind that has a directory, with their sizes.
    async fn list(&self, kind: FileType) -> Result<Vec<(Id, u64)>, TransportError>;

    async fn read(&self, path: &str, range: Option<ByteRange>) -> Result<Bytes, TransportError>;

    async fn write(&self, path: &str, content: Vec<Bytes>) -> Result<(), TransportError>;

    /// Removes a file; one that is not there is removed already.
    async fn remove(&self, path: &str) -> Result<(), TransportError>;

    /// Whether anything was ever answered. Until then, nothing is tried again: the address is probably wrong.
    fn has_answered(&self) -> bool;
}
