//! What a driver wants to see before it changes anything.

use safe_compose::policy::{Assessment, Backed, Clearance, Decision, Rule, Situation, decide};

/// The word of a plan that loses nothing.
pub fn clearance() -> Clearance {
    let plan = Assessment { engine: "e".into(), project: "p".into(), impacts: Vec::new() };
    let situation = Situation {
        plan: &plan,
        destroy: Rule::Confirm,
        orphan: Rule::Confirm,
        terminal: false,
        allow: None,
    };
    match decide(&situation) {
        Decision::Allow(permit) => permit.clear(Backed::Nothing),
        other => panic!("{other:?}"),
    }
}
