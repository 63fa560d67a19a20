//! Findings as other programs read them; for people they are shown by `ui`.

mod github;
mod json;
mod rule_text;
mod sarif;

pub use github::github;
pub use json::json;
pub use rule_text::RuleText;
pub use sarif::sarif;
