//! What the end-to-end tests share.

pub mod bare;
pub mod database;
pub mod derived_image;
pub mod folder;
pub mod machine;
pub mod own_engine;
pub mod permission;
pub mod qdrant;
pub mod relay;
pub mod scratch;
pub mod stand_in;
pub mod tls;
pub mod writer;

pub use qdrant::Qdrant;
pub use scratch::{Compose, Scratch, docker_can};
