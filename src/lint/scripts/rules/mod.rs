//! The rules for scripts, one file each. A rule's head is its explanation; the examples in it are its first tests.

mod destroys_volumes;
mod kills_store;
mod prunes_volumes;
mod removes_volume;
mod renews_volumes;
mod wipes_data_directory;

use super::calls::Call;
use super::command::Commands;
use super::directories::Directories;
use crate::lint::finding::Severity;

/// What a rule may look at.
pub(super) struct Scene<'a> {
    pub call: &'a Call,
    /// What Compose and `docker` make of the call.
    pub commands: &'a Commands,
    /// Where data is kept, by the Compose files around the script.
    pub directories: &'a Directories,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub severity: Severity,
    /// What is at stake, as one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// As `ignore[…]` and `--explain` take it.
    pub id: &'static str,
    /// The worst that it says. An error means that data will be lost.
    pub severity: Severity,
    /// What `--explain` prints: the doc comment of the rule.
    pub explain: &'static str,
    pub(super) look: fn(&Scene<'_>) -> Option<Hit>,
}

/// Makes a rule of its doc comment and of its check.
macro_rules! rule {
    ($(#[doc = $doc:literal])* $id:literal, $severity:ident, $look:expr) => {
        pub(super) const RULE: $crate::lint::scripts::Rule = $crate::lint::scripts::Rule {
            id: $id,
            severity: $crate::lint::finding::Severity::$severity,
            explain: concat!($($doc, "\n"),*),
            look: $look,
        };
    };
}
use rule;

/// All of them, by the weight of what they find.
pub const RULES: &[Rule] = &[
    destroys_volumes::RULE,
    removes_volume::RULE,
    prunes_volumes::RULE,
    wipes_data_directory::RULE,
    renews_volumes::RULE,
    kills_store::RULE,
];
