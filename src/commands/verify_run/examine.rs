//! Which stores are verified, and what is found in each.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::backup::baseline::{Note, StoreBaseline};
use crate::backup::driver::evidence;
use crate::backup::evidence::StoreEvidence;
use crate::backup::fingerprint::{Difference, Fingerprint};
use crate::backup::manifest::Manifest;
use crate::commands::context::ProjectContext;
use crate::commands::{baselines, disposable};
use crate::error::Failure;
use crate::inventory::{DataLocation, LocationSource, Store, known};
use crate::progress::Progress;
use crate::verify::{self, Recorded, VerifyResult};

/// Why stores are verified, and so which.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) enum Occasion<'a> {
    /// The user asked: every store counts, and one that cannot be verified is an error.
    Asked,
    /// These services were started, all if `None`.
    Started(Option<&'a BTreeSet<String>>),
}

impl Occasion<'_> {
    pub(super) fn is_about(self, store: &Store) -> bool {
        match self {
            Self::Asked | Self::Started(None) => true,
            Self::Started(Some(services)) => services.contains(&store.service),
        }
    }

    /// Whether a store is mentioned that has lost nothing. After a start, only those of known programs are.
    pub(super) fn mentions(self, store: &Store) -> bool {
        match self {
            Self::Asked => true,
            Self::Started(_) => is_known(store),
        }
    }
}

/// Whether the program of a store is known to keep data.
fn is_known(store: &Store) -> bool {
    store.is_server() || !store.data_paths().is_empty()
}

/// Whether what is missing is a loss, and not only worth a warning. A program that is not known may have emptied its own
/// volume. Where the volume is another one, what was in it is gone, and the guard would have asked before removing it.
pub(in crate::commands) fn is_loss(store: &Store, differences: &[Difference]) -> bool {
    let is_emptied = |difference: &Difference| matches!(difference, Difference::EmptiedVolume { .. });
    is_known(store) || !differences.iter().all(is_emptied)
}

/// A store with what it was compared with.
pub(super) struct Examined<'a> {
    pub(super) store: &'a Store,
    pub(super) baseline: Option<StoreBaseline>,
    pub(super) verdict: VerifyResult,
    /// The baseline tells nothing, and the newest backup does.
    pub(super) compared_with_backup: bool,
    /// Why the baseline cannot be read.
    pub(super) unreadable: Option<Failure>,
}

/// Whether a store is verified at all. A cache that nobody asked to keep its data is not, nor is data that may be
/// destroyed without asking, nor a directory of a program that is not known.
pub(in crate::commands) fn is_verified(cx: &ProjectContext<'_>, store: &Store) -> bool {
    if store.is_server() {
        return true;
    }
    let service = cx.settings.services.get(&store.service);
    let is_disposable = cx.is_disposable() || service.is_some_and(|service| service.disposable);
    let is_transient = store.container.as_ref().is_some_and(known::is_transient);
    let mut places = evidence::data_locations(store).peekable();
    !is_disposable
        && !is_transient
        && places.peek().is_some()
        && !places.all(|place| disposable::is_disposable(cx, &place.source))
}

/// Examines the stores that the occasion is about: plain files concurrently, then the servers.
pub(super) async fn all<'a>(
    cx: &'a ProjectContext<'_>,
    occasion: Occasion<'_>,
    progress: &dyn Progress,
) -> Vec<Examined<'a>> {
    let stores =
        cx.inventory.stores.iter().filter(|store| occasion.is_about(store) && is_verified(cx, store));
    let (servers, files): (Vec<&Store>, Vec<&Store>) = stores.partition(|store| store.is_server());
    let mut found = join_all(files.into_iter().map(|store| one(cx, store, occasion, progress))).await;
    for store in servers {
        found.push(one(cx, store, occasion, progress).await);
    }
    let mut found: Vec<Examined<'a>> = found.into_iter().flatten().collect();
    found.sort_by(|one, other| one.store.id.cmp(&other.store.id));
    found
}

/// `None` if there is nothing to examine.
async fn one<'a>(
    cx: &'a ProjectContext<'_>,
    store: &'a Store,
    occasion: Occasion<'_>,
    progress: &dyn Progress,
) -> Option<Examined<'a>> {
    let can_look = if store.is_server() { store.is_running() } else { store.container.is_some() };
    if !can_look && matches!(occasion, Occasion::Started(_)) {
        return None;
    }
    let baseline = match baselines::read(cx, store) {
        Ok(baseline) => baseline,
        Err(failure) => {
            let verdict = VerifyResult::Unverifiable(failure.to_string());
            let unreadable = Some(failure);
            return Some(Examined {
                store,
                baseline: None,
                verdict,
                compared_with_backup: false,
                unreadable,
            });
        }
    };
    let backup = newest_backup(cx, store, baseline.as_ref());
    let recorded = Recorded { baseline: baseline.as_ref(), backup: backup.as_ref() };
    let verdict = if can_look {
        verify::examine(cx.target(store, progress), recorded, cx.command.ready_timeout()).await
    } else {
        absent(cx, store, recorded).await?
    };
    let compared_with_backup = backup.is_some();
    Some(Examined { store, baseline, verdict, compared_with_backup, unreadable: None })
}

/// What was recorded of the data of a store: by its baseline, or by its newest backup.
pub(in crate::commands) fn recorded(
    cx: &ProjectContext<'_>,
    store: &Store,
    baseline: Option<&StoreBaseline>,
) -> Option<StoreEvidence> {
    let evidence = baseline.and_then(|baseline| baseline.evidence.clone());
    evidence.or_else(|| newest_backup(cx, store, baseline))
}

/// What the newest backup tells, if there is no baseline that tells more, or that somebody decided on.
fn newest_backup(
    cx: &ProjectContext<'_>,
    store: &Store,
    baseline: Option<&StoreBaseline>,
) -> Option<StoreEvidence> {
    let is_enough = baseline.is_some_and(|baseline| {
        baseline.evidence.is_some() || baseline.fingerprint.is_some() || baseline.note != Note::Stopped
    });
    if is_enough {
        return None;
    }
    let Manifest { evidence, fingerprint, created, .. } = cx.root.latest(&store.id).ok().flatten()?.manifest;
    let has_data = match fingerprint {
        Fingerprint::Qdrant(qdrant) => !qdrant.collections.is_empty(),
        Fingerprint::Volume { bytes, .. } => bytes > 0,
        Fingerprint::Databases(_) => true,
    };
    Some(match evidence {
        Some(evidence) => evidence.of_contents(),
        None => {
            StoreEvidence { time: created, has_data, server: None, version: None, volumes: BTreeMap::new() }
        }
    })
}

/// A store that cannot be looked into: it has no container, or its server does not run. `None` if nothing is known of it
/// and there is none of its volumes, so that there is nothing to verify.
async fn absent(cx: &ProjectContext<'_>, store: &Store, recorded: Recorded<'_>) -> Option<VerifyResult> {
    let baseline = recorded.baseline;
    let seen = baseline.and_then(|baseline| baseline.evidence.as_ref()).filter(|seen| seen.has_data);
    let mut differences = Vec::new();
    for (name, identity) in seen.into_iter().flat_map(|seen| &seen.volumes) {
        let volume = name.clone();
        match cx.engine.volume(name).await {
            Ok(None) => differences.push(Difference::RemovedVolume { volume }),
            Ok(Some(now)) => {
                let is_same =
                    identity.as_ref().zip(now.identity.as_ref()).and_then(|(one, now)| one.is_same(now));
                if is_same == Some(false) {
                    differences.push(Difference::RecreatedVolume { volume });
                }
            }
            Err(error) => {
                return Some(VerifyResult::Unverifiable(format!("{:#}", anyhow::Error::from(error))));
            }
        }
    }
    if !differences.is_empty() {
        return Some(VerifyResult::DataMissing { now: None, differences });
    }
    let has_volume = |place: &DataLocation| match &place.source {
        LocationSource::Volume { name: Some(name), .. } => {
            cx.volumes.iter().any(|volume| volume.name == *name)
        }
        LocationSource::Bind { .. } => true,
        LocationSource::Volume { name: None, .. } | LocationSource::Tmpfs | LocationSource::Layer => false,
    };
    let was_destroyed =
        seen.is_none() && baseline.is_some_and(|known| matches!(known.note, Note::Destroyed { .. }));
    let is_active = cx.project.model.as_ref().is_none_or(|model| model.services.contains_key(&store.service));
    let may_have_data = store.container.is_some()
        || seen.is_some()
        || recorded.backup.is_some()
        || is_active && store.locations.iter().any(has_volume);
    if was_destroyed || !may_have_data {
        return None;
    }
    Some(VerifyResult::Unverifiable("it is not running".to_owned()))
}
