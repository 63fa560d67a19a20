//! Findings as other programs read them; for people they are shown by `ui`.

mod github;
mod sarif;

pub use github::github;
pub use sarif::{RuleText, sarif};
