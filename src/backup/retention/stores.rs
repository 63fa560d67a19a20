//! The plans of all stores: which backups count together, and what may be removed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::losses::{KeptForLosses, UnresolvedLosses};
use super::rules::{self, Candidate, Kept};
use crate::backup::manifest::{BackupRole, Manifest, Proof};
use crate::backup::store::{Backup, Verified};
use crate::settings::RetentionSettings;

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

/// What distinguishes the backups of a store that never displace each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    role: BackupRole,
    /// See [`Manifest::is_doubtful`].
    is_doubtful: bool,
    /// All its files are known to be of one moment.
    is_sound: bool,
    /// Its test restore failed.
    has_failed: bool,
}

impl Class {
    fn of(backup: &Backup) -> Self {
        Self {
            role: backup.manifest.role,
            is_doubtful: backup.manifest.is_doubtful(),
            is_sound: backup.manifest.consistency.is_sound(),
            has_failed: backup.proof() == Proof::Failed,
        }
    }
}

/// Plans for each store of each project and engine separately; the directory of a backup shows which store it belongs to.
/// Safety copies, backups that were made after a loss, doubtful backups, backups that may be torn and backups whose test
/// restore failed are counted on their own, so that they never displace the others.
pub fn by_service<'a>(
    backups: &'a [Backup],
    keep: RetentionSettings,
    losses: &UnresolvedLosses,
    now: Timestamp,
) -> Plans<'a> {
    let mut stores: BTreeMap<(Option<&Path>, &str, &str, Class), Vec<&Backup>> = BTreeMap::new();
    for backup in backups {
        let Manifest { project, engine, .. } = &backup.manifest;
        let key = (backup.directory.parent(), project.as_str(), engine.as_str(), Class::of(backup));
        stores.entry(key).or_default().push(backup);
    }
    let mut plans = Plans { kept: Vec::new(), removed: Vec::new() };
    for ((directory, ..), mut of_store) in stores {
        of_store.sort_by_key(|backup| {
            std::cmp::Reverse((backup.manifest.sequence, backup.manifest.created, &backup.directory))
        });
        let needed = losses.kept_of(directory, &of_store);
        let candidate = |backup: &&Backup| {
            let candidate = Candidate::from(*backup);
            match &needed {
                KeptForLosses::All => Candidate { is_loss_unknown: true, ..candidate },
                KeptForLosses::Names(names) => {
                    Candidate { is_before_loss: names.contains(&candidate.name), ..candidate }
                }
            }
        };
        let candidates: Vec<Candidate> = of_store.iter().map(candidate).collect();
        let plan = rules::plan(&candidates, keep, now);
        let by_name: BTreeMap<String, &Backup> =
            of_store.iter().map(|backup| (backup.name(), *backup)).collect();
        let find = |name: &str| by_name.get(name).copied();
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

    /// Backups that were just verified need not be read again before others are removed.
    #[must_use]
    pub fn trusting(self, verified: &[&Verified]) -> Self {
        let verified: BTreeSet<&Path> =
            verified.iter().map(|backup| backup.backup().directory.as_path()).collect();
        for removable in &self.removed {
            let siblings = &removable.siblings;
            if siblings.backups.iter().any(|backup| verified.contains(backup.directory.as_path())) {
                // Set already where another backup of the same store is removed, too.
                let _ = siblings.intact.set(true);
            }
        }
        self
    }
}

impl Removable<'_> {
    /// Whether one of the backups that are kept is intact according to `check`, which is called once for each store,
    /// newest first.
    pub(in crate::backup) fn has_intact_sibling(&self, check: impl Fn(&Backup) -> bool) -> bool {
        *self.siblings.intact.get_or_init(|| self.siblings.backups.iter().any(|backup| check(backup)))
    }
}

impl Deref for Removable<'_> {
    type Target = Backup;

    fn deref(&self) -> &Backup {
        self.backup
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::backup::consistency::Consistency;
    use crate::backup::manifest::tests::manifest;
    use crate::backup::shrink::Shrinkage;

    const NOW: i64 = 1_785_600_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).expect("a time")
    }

    /// A backup of a store, with what distinguishes it.
    #[derive(Debug, Clone)]
    struct Made {
        store: &'static str,
        project: &'static str,
        role: BackupRole,
        shrank: bool,
        consistency: Consistency,
        proof: Proof,
        is_pinned: bool,
    }

    fn backups() -> impl Strategy<Value = Vec<Backup>> {
        let role = prop_oneof![
            3 => Just(BackupRole::Normal),
            1 => Just(BackupRole::SafetyCopy),
            1 => Just(BackupRole::AfterLoss),
        ];
        let consistency = prop_oneof![3 => Just(Consistency::Cold), 1 => Just(Consistency::TornPossible)];
        let proof = prop_oneof![
            1 => Just(Proof::Failed),
            3 => Just(Proof::Readable),
            1 => Just(Proof::Restored),
        ];
        let made = (
            prop_oneof![Just("db"), Just("cache")],
            prop_oneof![3 => Just("shop"), 1 => Just("market")],
            role,
            prop::bool::weighted(0.2),
            consistency,
            proof,
            prop::bool::weighted(0.1),
        )
            .prop_map(|(store, project, role, shrank, consistency, proof, is_pinned)| Made {
                store,
                project,
                role,
                shrank,
                consistency,
                proof,
                is_pinned,
            });
        prop::collection::btree_map(-100_000i64..40_000_000, made, 0..60).prop_map(|all| {
            // The oldest first, so that the sequence is that of the times.
            let all = all.into_iter().rev().zip(1..);
            all.map(|((ago, made), sequence)| backup(ago, sequence, &made)).collect()
        })
    }

    fn backup(ago: i64, sequence: u64, made: &Made) -> Backup {
        let created = Timestamp::from_second(NOW - ago).expect("a time");
        let mut manifest = manifest(made.store, &created.to_string());
        manifest.project = made.project.into();
        manifest.role = made.role;
        manifest.sequence = sequence;
        manifest.consistency = made.consistency;
        manifest.proof = made.proof;
        manifest.shrinkage = made.shrank.then(|| Shrinkage {
            since: "db_backup_20260802_100000".into(),
            created,
            entries: 1000,
            bytes: None,
        });
        let directory = PathBuf::from(format!("/backups/{0}/{0}_backup_{sequence}", made.store));
        Backup { directory, manifest, test_restore: None, is_pinned: made.is_pinned, is_offloaded: false }
    }

    fn is_good(backup: &Backup) -> bool {
        let manifest = &backup.manifest;
        manifest.role == BackupRole::Normal
            && manifest.shrinkage.is_none()
            && manifest.consistency.is_sound()
            && backup.proof() > Proof::Failed
    }

    fn rules() -> impl Strategy<Value = RetentionSettings> {
        (0u32..4, 0u32..4, 0u32..4, 0u32..4, 0u32..4).prop_map(|(last, hourly, daily, weekly, monthly)| {
            RetentionSettings { last, hourly, daily, weekly, monthly, local: None }
        })
    }

    proptest! {
        #[test]
        fn whatever_the_settings_what_must_stay_stays(backups in backups(), keep in rules()) {
            let plans = by_service(&backups, keep, &UnresolvedLosses::default(), now());
            let kept: BTreeSet<String> = plans.kept().map(|(backup, _)| backup.name()).collect();
            let removed: BTreeSet<String> = plans.removed().map(|backup| backup.name()).collect();
            prop_assert!(kept.is_disjoint(&removed));
            prop_assert_eq!(kept.len() + removed.len(), backups.len());
            prop_assert!(plans.kept().all(|(_, why)| !why.reasons.is_empty()));
            for store in ["db", "cache"] {
                for project in ["shop", "market"] {
                    let of_store = || {
                        let is_of = |backup: &&Backup| {
                            backup.store() == store && backup.manifest.project == project
                        };
                        backups.iter().rev().filter(is_of)
                    };
                    let stays = |backup: &Backup| kept.contains(&backup.name());
                    // The base of the next incremental backup and of hard links is the newest of all.
                    prop_assert!(of_store().next().is_none_or(stays), "the newest");
                    let good = || of_store().filter(|backup| is_good(backup));
                    prop_assert!(good().next().is_none_or(stays), "the last good one");
                    let past = good().filter(|backup| backup.manifest.created <= now());
                    prop_assert!(past.take(keep.last as usize).all(stays), "the last ones");
                    let best = good().map(Backup::proof).max();
                    let best = good().find(|backup| Some(backup.proof()) == best);
                    prop_assert!(best.is_none_or(stays), "the best verified");
                    prop_assert!(of_store().filter(|backup| backup.is_pinned).all(stays), "the pinned");
                }
            }
        }

        #[test]
        fn what_is_not_good_removes_nothing_that_is(backups in backups(), keep in rules()) {
            let removed = |backups: &[Backup]| -> BTreeSet<String> {
                let plans = by_service(backups, keep, &UnresolvedLosses::default(), now());
                plans.removed().filter(|backup| is_good(backup)).map(|backup| backup.name()).collect()
            };
            let good: Vec<Backup> = backups.iter().filter(|backup| is_good(backup)).cloned().collect();
            prop_assert_eq!(removed(&backups), removed(&good));
        }
    }
}
