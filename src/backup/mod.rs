//! Copies of data that can be put back: made, read back, checked, listed and thinned out.

pub mod archive;
pub mod driver;
pub mod export;
pub mod fingerprint;
pub mod manifest;
pub mod proof;
pub mod record;
pub mod retention;
pub mod stack;
pub mod store;
