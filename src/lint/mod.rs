//! Reads Compose files, and what runs Compose, for ways in which they will lose data. Neither Docker nor a network is
//! needed.

pub mod baseline;
pub mod check;
pub mod finding;
pub mod fix;
mod ignore;
pub mod output;
pub mod project;
pub mod rule;
pub mod rules;
pub mod scripts;
pub mod source;

pub use baseline::{Baseline, BaselineError};
pub use check::{Checked, check, diff};
pub use finding::{Finding, Place, Severity};
pub use rule::Rule;
pub use source::{MAX_BYTES, Target, decode, targets};

/// What is said of every rule: those for Compose files, then those for scripts.
pub fn catalogue() -> impl Iterator<Item = output::RuleText<'static>> {
    let of_compose = rules::all().map(|rule| output::RuleText::new(rule.id, rule.severity, rule.explain));
    of_compose
        .chain(scripts::RULES.iter().map(|rule| output::RuleText::new(rule.id, rule.severity, rule.explain)))
}
