//! Checks Compose files, and scripts that run Compose, for mistakes that lose data. Needs neither Docker nor a network.

mod baseline;
mod check;
mod files;
mod finding;
mod fix;
mod ignore;
mod levels;
mod loader;
mod outline;
pub mod output;
mod project;
mod report;
mod rule;
pub mod rules;
pub mod scripts;
mod span;
mod yaml;

pub use baseline::{LintBaseline, LintBaselineError};
pub use check::check;
#[cfg(test)]
pub use finding::FileRange;
pub use finding::{LintFinding, LintSeverity};
pub use loader::{LintTarget, MAX_BYTES, decode, targets};
pub use outline::{Outline, outline};
pub use report::{LintReport, diff};
pub use rule::LintRule;
