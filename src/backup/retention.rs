//! Retention: which backups to keep. Pure: a plan is a value that can be shown before anything is removed.
//!
//! Days and weeks are those of UTC, as in the names of backups. A rule counts only days and weeks that have a backup,
//! so that a project that was stopped for a month does not lose its history on the day it starts again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::manifest::{BackupRole, Manifest, Proof};
use super::store::Backup;
use crate::settings::RetentionSettings;

/// What the rules need to know about a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The name of its directory.
    pub name: String,
    pub created: Timestamp,
    /// Its place in the order; 0 for backups that have none.
    pub sequence: u64,
    pub proof: Proof,
}

impl From<&Backup> for Candidate {
    fn from(backup: &Backup) -> Self {
        let Manifest { created, sequence, .. } = backup.manifest;
        Self { name: backup.name(), created, sequence, proof: backup.proof() }
    }
}

/// Why a backup is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Newest,
    /// The newest of the backups that were verified furthest.
    BestChecked,
    Last,
    Daily,
    Weekly,
    /// It is dated in the future: a clock was wrong, and its age is unknown.
    Undated,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Newest => "newest",
            Self::BestChecked => "best verified",
            Self::Last => "last",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
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
pub struct RetentionPlan {
    /// The newest first; never empty if there are backups.
    keep: Vec<Kept>,
    /// The newest first.
    remove: Vec<String>,
}

impl fmt::Display for RetentionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kept in &self.keep {
            writeln!(f, "keep    {}  ({kept})", kept.name)?;
        }
        self.remove.iter().try_for_each(|name| writeln!(f, "remove  {name}"))
    }
}

/// Plans which backups of one store to keep: those that any rule keeps, the newest, and the newest of the best
/// verified.
pub fn plan(backups: &[Candidate], keep: RetentionSettings, now: Timestamp) -> RetentionPlan {
    let mut sorted: Vec<&Candidate> = backups.iter().collect();
    let order = |backup: &Candidate| (backup.sequence, backup.created, backup.name.clone());
    sorted.sort_by_key(|backup| std::cmp::Reverse(order(backup)));
    let best = sorted.iter().map(|backup| backup.proof).max();
    let best = sorted.iter().position(|backup| Some(backup.proof) == best);
    let past: Vec<usize> = (0..sorted.len()).filter(|&at| sorted[at].created <= now).collect();
    let last: BTreeSet<usize> = past.iter().copied().take(keep.last as usize).collect();
    let day = |at: &usize| sorted[*at].created.to_zoned_datetime(TimeZone::UTC).date();
    let daily = first_of_each(&past, keep.daily, day);
    let weekly = first_of_each(&past, keep.weekly, |at| {
        let week = day(at).iso_week_date();
        (week.year(), week.week())
    });
    let mut plan = RetentionPlan { keep: Vec::new(), remove: Vec::new() };
    for (at, backup) in sorted.iter().enumerate() {
        let reasons: BTreeSet<Reason> = [
            (Reason::Newest, at == 0 || past.first() == Some(&at)),
            (Reason::BestChecked, best == Some(at)),
            (Reason::Last, last.contains(&at)),
            (Reason::Daily, daily.contains(&at)),
            (Reason::Weekly, weekly.contains(&at)),
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

/// The plans of several stores.
#[derive(Debug)]
pub struct Plans<'a> {
    kept: Vec<(&'a Backup, Kept)>,
    removed: Vec<Removable<'a>>,
}

/// A backup that a plan removes. Only [`by_service`] creates one.
#[derive(Debug)]
pub struct Removable<'a> {
    backup: &'a Backup,
    siblings: Arc<KeptBackups<'a>>,
}

/// The backups of one store that are kept, and whether one of them is known to be intact.
#[derive(Debug)]
struct KeptBackups<'a> {
    backups: Vec<&'a Backup>,
    intact: OnceLock<bool>,
}

/// The role of a backup, whether it shrank, and whether all its files are known to be of one moment.
type Class = (BackupRole, bool, bool);

/// Plans for each store of each project and engine separately; the directory of a backup shows which store it belongs to.
/// Safety copies, backups that were made after a loss, backups that shrank and backups that may be torn are counted on their
/// own, so that they never displace the others.
pub fn by_service(backups: &[Backup], keep: RetentionSettings, now: Timestamp) -> Plans<'_> {
    let mut stores: BTreeMap<(Option<&Path>, &str, &str, Class), Vec<&Backup>> = BTreeMap::new();
    for backup in backups {
        let Manifest { project, engine, role, consistency, .. } = &backup.manifest;
        let class = (*role, backup.manifest.shrinkage.is_some(), consistency.is_sound());
        stores.entry((backup.directory.parent(), project, engine, class)).or_default().push(backup);
    }
    let mut plans = Plans { kept: Vec::new(), removed: Vec::new() };
    for of_store in stores.into_values() {
        let candidates: Vec<Candidate> = of_store.iter().map(|backup| Candidate::from(*backup)).collect();
        let plan = plan(&candidates, keep, now);
        let find = |name: &str| of_store.iter().copied().find(|backup| backup.name() == name);
        let kept: Vec<(&Backup, Kept)> =
            plan.keep.into_iter().filter_map(|kept| Some((find(&kept.name)?, kept))).collect();
        let siblings = Arc::new(KeptBackups {
            backups: kept.iter().map(|(backup, _)| *backup).collect(),
            intact: OnceLock::new(),
        });
        let removable = |backup| Removable { backup, siblings: Arc::clone(&siblings) };
        plans.removed.extend(plan.remove.iter().filter_map(|name| find(name)).map(removable));
        plans.kept.extend(kept);
    }
    plans
}

impl<'a> Plans<'a> {
    /// What is kept, and why; the newest of each store first.
    pub fn kept(&self) -> impl ExactSizeIterator<Item = (&'a Backup, &Kept)> {
        self.kept.iter().map(|(backup, kept)| (*backup, kept))
    }

    /// What is removed; the newest of each store first.
    pub fn removed(&self) -> impl ExactSizeIterator<Item = &Removable<'a>> {
        self.removed.iter()
    }
}

impl Removable<'_> {
    /// Whether one of the backups that are kept is intact according to `check`, which is called once for each store,
    /// newest first.
    pub(super) fn has_intact_sibling(&self, check: impl Fn(&Backup) -> bool) -> bool {
        *self.siblings.intact.get_or_init(|| self.siblings.backups.iter().any(|backup| check(backup)))
    }
}

impl Deref for Removable<'_> {
    type Target = Backup;

    fn deref(&self) -> &Backup {
        self.backup
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        f.write_str(&reasons.join(", "))
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
    use crate::backup::manifest::tests::manifest;
    use crate::backup::shrink::Shrinkage;
    use crate::backup::store::BackupRoot;

    const NOW: i64 = 1_785_600_000;
    const NONE: RetentionSettings = RetentionSettings { last: 0, daily: 0, weekly: 0 };

    fn at(seconds_ago: i64, proof: Proof) -> Candidate {
        let created = Timestamp::from_second(NOW - seconds_ago).expect("a time");
        Candidate { name: format!("b{seconds_ago:+09}"), created, sequence: 0, proof }
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
    fn days_without_a_backup_do_not_count() {
        let day = 86_400;
        let backups: Vec<Candidate> =
            [0, 1, 40 * day, 40 * day + 1, 300 * day].map(|ago| at(ago, Proof::Readable)).to_vec();
        let plan = plan(&backups, RetentionSettings { daily: 2, ..NONE }, now());
        assert_eq!(kept(&plan), ["b+00000000", "b+03456000"]);
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

    #[test]
    fn backups_that_shrank_take_nobodys_place() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = BackupRoot::create(dir.path()).expect("a root");
        for (day, shrank) in [(1, false), (2, false), (3, true), (4, true)] {
            let mut manifest = manifest("db", &format!("2026-08-0{day}T10:00:00Z"));
            manifest.shrinkage = shrank.then(|| Shrinkage {
                since: "db_backup_20260802_100000".into(),
                created: manifest.created,
                entries: 1000,
                bytes: None,
            });
            let staging = root.stage("db", manifest.created).expect("staged");
            staging.finish(manifest).expect("finished");
        }
        let backups = root.list(None).expect("listed").backups;
        let now = "2026-08-05T10:00:00Z".parse().expect("a time");
        let plans = by_service(&backups, RetentionSettings { last: 1, ..NONE }, now);
        let kept: BTreeSet<String> = plans.kept().map(|(backup, _)| backup.name()).collect();
        let expected = ["db_backup_20260802_100000", "db_backup_20260804_100000"];
        assert_eq!(kept, expected.map(str::to_owned).into());
    }

    #[test]
    fn a_plan_is_shown_line_by_line() {
        let backups = [at(10, Proof::Copied), at(20, Proof::Copied)];
        let shown = plan(&backups, RetentionSettings { last: 1, ..NONE }, now()).to_string();
        assert_eq!(shown, "keep    b+00000010  (newest, best verified, last)\nremove  b+00000020\n");
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let proof = prop_oneof![Just(Proof::Copied), Just(Proof::Readable), Just(Proof::Restored)];
        proptest::collection::btree_map(-100_000i64..10_000_000, proof, 0..60)
            .prop_map(|map| map.into_iter().map(|(ago, proof)| at(ago, proof)).collect())
    }

    fn rules() -> impl Strategy<Value = RetentionSettings> {
        (0u32..9, 0u32..9, 0u32..9).prop_map(|(last, daily, weekly)| RetentionSettings {
            last,
            daily,
            weekly,
        })
    }

    proptest! {
        #[test]
        fn every_backup_stays_or_goes_and_the_newest_and_the_best_stay(backups in candidates(), keep in rules()) {
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
            let past = backups.iter().filter(|backup| backup.created <= now());
            prop_assert!(past.filter(|b| stays(b)).count() >= backups.iter().filter(|b| b.created <= now()).count().min(keep.last as usize));
        }

        #[test]
        fn more_is_kept_by_more_generous_rules(backups in candidates(), keep in rules()) {
            let more = RetentionSettings { last: keep.last + 1, daily: keep.daily + 1, weekly: keep.weekly + 1 };
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
