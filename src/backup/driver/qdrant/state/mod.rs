//! The contents of a server: counted, sampled, and compared.

pub(crate) mod body;
pub(crate) mod compare;
pub(crate) mod equal;
pub(crate) mod fingerprint;
mod sample;
pub(crate) mod segment_files;
pub(crate) mod segment_versions;
pub(crate) mod vectors;
pub(crate) mod write_position;
