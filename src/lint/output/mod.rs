//! Findings for other programs. For people they are rendered by `ui`.

mod github;
mod json;
mod sarif;

pub use github::github;
pub use json::json;
pub use sarif::sarif;
