//! Runs a line on both sides and lists what differs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::normalize::normalized;
use super::side::{Output, Pairs, Side};
use super::state::{self, OwnRecords};
use super::table::Case;
use crate::oracle::trial::Trial;

/// Fails with every line whose two runs differ, and if a line changed something that its `after` does not undo.
pub(super) fn all(pairs: &Pairs, cases: &[Case], own: OwnRecords) {
    let trial = &pairs.trial;
    let start = state::of(trial, own);
    let mut wrong = String::new();
    for (real, ours, caller) in &pairs.sides {
        for case in cases {
            let (one, other) = (observe(trial, real, case, own), observe(trial, ours, case, own));
            for difference in differences(case, &one, &other) {
                let _ = write!(wrong, "\n=== `{}` by {caller:?}: {difference}", case.line);
            }
            let left = state::of(trial, own);
            assert!(
                left == start,
                "`{}` by {caller:?} has changed\n{start:#?}\nto\n{left:#?}{wrong}",
                case.line
            );
        }
    }
    eprintln!("{} lines compared, for {} callers", cases.len(), pairs.sides.len());
    assert!(wrong.is_empty(), "{wrong}");
}

/// The output of a line, and the state that it left.
fn observe(trial: &Trial, side: &Side, case: &Case, own: OwnRecords) -> (Output, BTreeSet<String>) {
    for line in case.before {
        trial.real(line, &[], "").exits(0);
    }
    let output = side.run(trial, case);
    let state = state::of(trial, own);
    for line in case.after {
        trial.real(line, &[], "").exits(0);
    }
    for file in case.writes {
        let _ = std::fs::remove_file(trial.directory().join(file));
    }
    (output, state)
}

fn differences(
    case: &Case,
    (real, real_state): &(Output, BTreeSet<String>),
    (ours, our_state): &(Output, BTreeSet<String>),
) -> Vec<String> {
    let mut found = Vec::new();
    if real.status != ours.status {
        found.push(format!("Compose ends with {}, safe-compose with {}", real.status, ours.status));
    }
    for (stream, one, other) in
        [("stdout", &real.stdout, &ours.stdout), ("stderr", &real.stderr, &ours.stderr)]
    {
        if normalized(one, case.varying) != normalized(other, case.varying) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            found.push(format!("{stream}\n--- Compose\n{}\n--- safe-compose\n{}", text(one), text(other)));
        }
    }
    if real_state != our_state {
        found.push(format!("Compose leaves\n{real_state:#?}\nsafe-compose\n{our_state:#?}"));
    }
    found
}
