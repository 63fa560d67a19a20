//! The rules for the backups of one class of one store.
//!
//! Hours, days, weeks and months are those of UTC, as in the names of backups. A rule counts only periods that have a
//! backup, so that a project that was stopped for a month does not lose its history on the day it starts again.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::backup::manifest::{Manifest, Proof};
use crate::backup::store::Backup;
use crate::settings::RetentionSettings;

/// What the rules need to know about a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The name of its directory.
    pub name: String,
    pub created: Timestamp,
    /// Its place in the order; 0 for backups that have none.
    pub sequence: u64,
    pub proof: Proof,
    /// Nothing but `unpin` lets it go.
    pub is_pinned: bool,
    /// It may have data that was lost since.
    pub is_before_loss: bool,
    /// Whether data was lost cannot be read.
    pub is_loss_unknown: bool,
}

impl From<&Backup> for Candidate {
    fn from(backup: &Backup) -> Self {
        let Manifest { created, sequence, .. } = backup.manifest;
        Self {
            name: backup.name(),
            created,
            sequence,
            proof: backup.proof(),
            is_pinned: backup.is_pinned,
            is_before_loss: false,
            is_loss_unknown: false,
        }
    }
}

impl Candidate {
    /// In the order in which backups were made.
    fn order(&self) -> (u64, Timestamp, &str) {
        (self.sequence, self.created, &self.name)
    }
}

/// Why a backup is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Pinned,
    Newest,
    /// The newest of the backups that were verified furthest.
    BestChecked,
    Last,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    /// It may have data that was lost since, and that nobody has restored or accepted.
    BeforeLoss,
    /// A baseline of the store cannot be read, so a loss may be recorded in it.
    LossUnknown,
    /// It is dated in the future: a clock was wrong, and its age is unknown.
    Undated,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "pinned",
            Self::Newest => "newest",
            Self::BestChecked => "best verified",
            Self::Last => "last",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::BeforeLoss => "before a loss",
            Self::LossUnknown => "the baseline cannot be read",
            Self::Undated => "dated in the future",
        })
    }
}

/// One backup that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    /// Never empty.
    pub reasons: BTreeSet<Reason>,
}

/// What to keep and what to remove. Only [`plan`] creates one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RetentionPlan {
    /// The newest first; never empty if there are backups.
    pub keep: Vec<Kept>,
    /// The newest first.
    pub remove: Vec<String>,
}

/// Plans which backups of one class of a store to keep: those that any rule keeps, the newest, the newest of the best
/// verified, those that are pinned, and those that may have lost data.
pub(super) fn plan(backups: &[Candidate], keep: RetentionSettings, now: Timestamp) -> RetentionPlan {
    let mut sorted: Vec<&Candidate> = backups.iter().collect();
    sorted.sort_by(|one, other| other.order().cmp(&one.order()));
    let best = sorted.iter().map(|backup| backup.proof).max();
    let best = sorted.iter().position(|backup| Some(backup.proof) == best);
    let past: Vec<usize> = (0..sorted.len()).filter(|&at| sorted[at].created <= now).collect();
    let last: BTreeSet<usize> = past.iter().copied().take(keep.last as usize).collect();
    let time = |at: &usize| sorted[*at].created.to_zoned_datetime(TimeZone::UTC).datetime();
    let hourly = first_of_each(&past, keep.hourly, |at| (time(at).date(), time(at).hour()));
    let daily = first_of_each(&past, keep.daily, |at| time(at).date());
    let weekly = first_of_each(&past, keep.weekly, |at| {
        let week = time(at).date().iso_week_date();
        (week.year(), week.week())
    });
    let monthly = first_of_each(&past, keep.monthly, |at| (time(at).year(), time(at).month()));
    let mut plan = RetentionPlan { keep: Vec::new(), remove: Vec::new() };
    for (at, backup) in sorted.iter().enumerate() {
        let reasons: BTreeSet<Reason> = [
            (Reason::Pinned, backup.is_pinned),
            (Reason::Newest, at == 0 || past.first() == Some(&at)),
            (Reason::BestChecked, best == Some(at)),
            (Reason::Last, last.contains(&at)),
            (Reason::Hourly, hourly.contains(&at)),
            (Reason::Daily, daily.contains(&at)),
            (Reason::Weekly, weekly.contains(&at)),
            (Reason::Monthly, monthly.contains(&at)),
            (Reason::BeforeLoss, backup.is_before_loss),
            (Reason::LossUnknown, backup.is_loss_unknown),
            (Reason::Undated, backup.created > now),
        ]
        .into_iter()
        .filter_map(|(reason, holds)| holds.then_some(reason))
        .collect();
        if reasons.is_empty() {
            plan.remove.push(backup.name.clone());
        } else {
            plan.keep.push(Kept { name: backup.name.clone(), reasons });
        }
    }
    plan
}

impl Kept {
    /// The reasons as people read them.
    pub fn reasons(&self) -> Vec<String> {
        self.reasons.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons().join(", "))
    }
}

/// The newest backup of each of the last `count` periods that have any.
fn first_of_each<P: Ord>(
    newest_first: &[usize],
    count: u32,
    period: impl Fn(&usize) -> P,
) -> BTreeSet<usize> {
    // A clock that went back brings the same period again.
    let mut seen = BTreeSet::new();
    newest_first.iter().filter(|at| seen.insert(period(at))).take(count as usize).copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_785_600_000;
    const NONE: RetentionSettings =
        RetentionSettings { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, local: None };
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    fn at(seconds_ago: i64, proof: Proof) -> Candidate {
        Candidate {
            name: format!("b{seconds_ago:+09}"),
            created: Timestamp::from_second(NOW - seconds_ago).expect("a time"),
            sequence: 0,
            proof,
            is_pinned: false,
            is_before_loss: false,
            is_loss_unknown: false,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).expect("a time")
    }

    fn kept(plan: &RetentionPlan) -> Vec<&str> {
        plan.keep.iter().map(|kept| kept.name.as_str()).collect()
    }

    #[test]
    fn without_a_rule_the_newest_and_the_best_stay() {
        let backups =
            [at(30, Proof::Restored), at(20, Proof::Restored), at(10, Proof::Copied), at(5, Proof::Copied)];
        let plan = plan(&backups, NONE, now());
        assert_eq!(kept(&plan), ["b+00000005", "b+00000020"]);
        assert_eq!(plan.remove, ["b+00000010", "b+00000030"]);
    }

    #[test]
    fn what_is_pinned_or_has_lost_data_stays_and_takes_nobodys_place() {
        let pinned = Candidate { is_pinned: true, ..at(30, Proof::Copied) };
        let before = Candidate { is_before_loss: true, ..at(40, Proof::Copied) };
        let unknown = Candidate { is_loss_unknown: true, ..at(50, Proof::Copied) };
        let backups = [at(10, Proof::Copied), at(20, Proof::Copied), pinned, before, unknown];
        let plan = plan(&backups, RetentionSettings { last: 1, ..NONE }, now());
        let shown: Vec<String> = plan.keep.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["newest, best verified, last", "pinned", "before a loss", "the baseline cannot be read"]
        );
        assert_eq!(plan.remove, ["b+00000020"]);
    }

    #[test]
    fn periods_without_a_backup_do_not_count() {
        for (period, keep) in [
            (HOUR, RetentionSettings { hourly: 2, ..NONE }),
            (DAY, RetentionSettings { daily: 2, ..NONE }),
            (7 * DAY, RetentionSettings { weekly: 2, ..NONE }),
            (31 * DAY, RetentionSettings { monthly: 2, ..NONE }),
        ] {
            // Two in the same hour, ten minutes before a full one.
            let ago = [600, 601, 40 * period + 600, 40 * period + 601, 300 * period];
            let backups: Vec<Candidate> = ago.map(|ago| at(ago, Proof::Readable)).into();
            let plan = plan(&backups, keep, now());
            assert_eq!(kept(&plan), ["b+00000600", &format!("b{:+09}", 40 * period + 600)], "{keep:?}");
        }
    }

    #[test]
    fn the_newest_of_each_period_is_kept() {
        let backups: Vec<Candidate> = (0..24 * 400).map(|hours| at(hours * HOUR, Proof::Readable)).collect();
        for (keep, expected) in [
            (RetentionSettings { hourly: 30, ..NONE }, 30),
            (RetentionSettings { daily: 30, ..NONE }, 30),
            (RetentionSettings { weekly: 30, ..NONE }, 30),
            (RetentionSettings { monthly: 6, ..NONE }, 6),
            // The newest is every rule's newest.
            (RetentionSettings { last: 1, hourly: 1, daily: 1, weekly: 1, monthly: 1, local: None }, 1),
        ] {
            assert_eq!(plan(&backups, keep, now()).keep.len(), expected, "{keep:?}");
        }
        let monthly = plan(&backups, RetentionSettings { monthly: 3, ..NONE }, now());
        let name = |time: &str| {
            let time: Timestamp = time.parse().expect("a time");
            format!("b{:+09}", NOW - time.as_second())
        };
        assert_eq!(now().to_string(), "2026-08-01T16:00:00Z");
        assert_eq!(
            kept(&monthly),
            [name("2026-08-01T16:00:00Z"), name("2026-07-31T23:00:00Z"), name("2026-06-30T23:00:00Z")]
        );
    }

    #[test]
    fn a_backup_of_the_future_stays_and_takes_nobodys_place() {
        let backups = [at(-5000, Proof::Copied), at(10, Proof::Copied), at(20, Proof::Copied)];
        let plan = plan(&backups, RetentionSettings { last: 1, ..NONE }, now());
        assert_eq!(kept(&plan), ["b-00005000", "b+00000010"]);
        assert!(plan.keep[0].reasons.contains(&Reason::Undated));
    }

    #[test]
    fn the_sequence_counts_more_than_the_clock() {
        let numbered = |ago, sequence| Candidate { sequence, ..at(ago, Proof::Copied) };
        let backups = [numbered(-5000, 0), numbered(10, 1), numbered(3000, 2), numbered(2000, 3)];
        let plan = plan(&backups, RetentionSettings { last: 2, ..NONE }, now());
        assert_eq!(kept(&plan), ["b+00002000", "b+00003000", "b-00005000"]);
        assert!(plan.keep[0].reasons.contains(&Reason::Newest));
        assert!(!plan.keep[2].reasons.contains(&Reason::Newest), "it is only dated in the future");
        assert_eq!(plan.remove, ["b+00000010"]);
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let proof = prop_oneof![Just(Proof::Copied), Just(Proof::Readable), Just(Proof::Restored)];
        let rarely = || prop::bool::weighted(0.1);
        let backup = (proof, rarely(), rarely(), rarely());
        prop::collection::btree_map(-100_000i64..40_000_000, backup, 0..60).prop_map(|map| {
            let candidate = |(ago, (proof, is_pinned, is_before_loss, is_loss_unknown))| Candidate {
                is_pinned,
                is_before_loss,
                is_loss_unknown,
                ..at(ago, proof)
            };
            map.into_iter().map(candidate).collect()
        })
    }

    fn rules() -> impl Strategy<Value = RetentionSettings> {
        (0u32..9, 0u32..9, 0u32..9, 0u32..9, 0u32..9).prop_map(|(last, hourly, daily, weekly, monthly)| {
            RetentionSettings { last, hourly, daily, weekly, monthly, local: None }
        })
    }

    proptest! {
        #[test]
        fn every_backup_stays_or_goes_and_what_must_stay_does(backups in candidates(), keep in rules()) {
            let plan = plan(&backups, keep, now());
            let mut all: Vec<&str> = kept(&plan);
            all.extend(plan.remove.iter().map(String::as_str));
            all.sort_unstable();
            let mut expected: Vec<&str> = backups.iter().map(|backup| backup.name.as_str()).collect();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
            let stays = |backup: &Candidate| kept(&plan).contains(&backup.name.as_str());
            if let Some(newest) = backups.iter().max_by_key(|backup| backup.created) {
                prop_assert!(stays(newest));
            }
            if let Some(best) = backups.iter().max_by_key(|backup| (backup.proof, backup.created)) {
                prop_assert!(stays(best));
            }
            for backup in &backups {
                prop_assert!(stays(backup) || !(backup.is_pinned || backup.is_before_loss || backup.is_loss_unknown));
            }
            let mut past: Vec<&Candidate> = backups.iter().filter(|backup| backup.created <= now()).collect();
            past.sort_by_key(|backup| std::cmp::Reverse(backup.created));
            prop_assert!(past.iter().take(keep.last as usize).all(|backup| stays(backup)));
        }

        #[test]
        fn more_is_kept_by_more_generous_rules(backups in candidates(), keep in rules()) {
            let more = RetentionSettings {
                last: keep.last + 1,
                hourly: keep.hourly + 1,
                daily: keep.daily + 1,
                weekly: keep.weekly + 1,
                monthly: keep.monthly + 1,
                local: None,
            };
            let generous = plan(&backups, more, now());
            for name in kept(&plan(&backups, keep, now())) {
                prop_assert!(kept(&generous).contains(&name));
            }
        }

        #[test]
        fn a_second_plan_removes_nothing_more(backups in candidates(), keep in rules()) {
            let first = plan(&backups, keep, now());
            let left: Vec<Candidate> =
                backups.iter().filter(|b| kept(&first).contains(&b.name.as_str())).cloned().collect();
            prop_assert!(plan(&left, keep, now()).remove.is_empty());
        }

        #[test]
        fn the_order_of_the_list_does_not_matter(backups in candidates(), keep in rules()) {
            let reversed: Vec<Candidate> = backups.iter().rev().cloned().collect();
            prop_assert_eq!(plan(&backups, keep, now()), plan(&reversed, keep, now()));
        }
    }
}
