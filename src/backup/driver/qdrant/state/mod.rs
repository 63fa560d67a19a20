//! What a server holds: counted, sampled, and compared with another time.

pub(crate) mod body;
pub(crate) mod compare;
pub(crate) mod equal;
pub(crate) mod fingerprint;
mod mark;
mod sample;
pub(crate) mod vectors;
mod witness;
