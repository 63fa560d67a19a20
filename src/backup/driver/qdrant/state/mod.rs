//! What a server holds: counted, sampled, and compared with another time.

pub(crate) mod body;
pub(crate) mod compare;
pub(crate) mod equal;
pub(crate) mod fingerprint;
mod sample;
mod segment_files;
pub(crate) mod vectors;
mod write_position;
