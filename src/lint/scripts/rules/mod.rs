//! The rules for scripts, one file each. The doc comment of a rule is its explanation, and its examples are tested.

mod destroys_volumes;
mod kills_store;
mod prunes_volumes;
mod removes_volume;
mod renews_volumes;
mod wipes_data_directory;

use crate::lint::rule::LintRule;

/// The rules for scripts, the most serious first.
pub(in crate::lint) const RULES: &[LintRule] = &[
    destroys_volumes::RULE,
    removes_volume::RULE,
    prunes_volumes::RULE,
    wipes_data_directory::RULE,
    renews_volumes::RULE,
    kills_store::RULE,
];
