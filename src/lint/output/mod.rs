//! Findings as other programs read them; for people they are shown by `ui`.

mod json;

pub use json::json;
