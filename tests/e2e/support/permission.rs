//! What a driver wants to see before it changes anything.

use safe_compose::policy::{Assessment, BackupStatus, Clearance, Decision, DecisionInput, GuardMode, decide};

/// The word of a plan that loses nothing.
pub fn clearance() -> Clearance {
    let plan = Assessment { engine: "e".into(), project: "p".into(), impacts: Vec::new() };
    let input = DecisionInput {
        plan: &plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: false,
        allow: None,
        now: jiff::Timestamp::now(),
    };
    match decide(&input) {
        Decision::Allow(approval) => approval.clear(BackupStatus::Nothing),
        other => panic!("{other:?}"),
    }
}
