//! What is written down of a command: in the journal, and in the records that the next start is compared with.

use super::losses;
use super::saved::Saving;
use crate::backup::fingerprint::Fingerprint;
use crate::backup::record::Note;
use crate::commands::backup_run::Saved;
use crate::commands::baselines;
use crate::commands::context::ProjectContext;
use crate::commands::mode::Apply;
use crate::inventory::Store;
use crate::journal::{self, Entry};
use crate::policy::{Assessment, Effect, Impact, Subject};
use crate::progress::Silent;

/// Writes down what each store held, for the next start to compare with. A command that was not `done` has perhaps
/// stopped its services all the same, but what it has destroyed was then not destroyed as decided: the next start is to
/// miss it.
pub(super) fn stores(
    cx: &ProjectContext<'_>,
    apply: Apply,
    plan: &Assessment,
    (saving, done): (&Saving, bool),
) {
    let gone = |store: &Store| {
        done && plan
            .impacts
            .iter()
            .any(|impact| impact.effect >= Effect::Orphan && losses::holds(store, &impact.subject))
    };
    for Saved { store, backup } in &saving.saved {
        if !store.is_server() && !gone(store) {
            continue;
        }
        let backup = backup.backup();
        let note = if gone(store) { Note::Destroyed { backup: Some(backup.name()) } } else { Note::Stopped };
        baselines::write(
            cx,
            apply,
            store,
            note,
            Some(backup.manifest.fingerprint.clone()),
            Some(backup.name()),
        );
    }
    for (store, backup) in &saving.kept {
        baselines::write(
            cx,
            apply,
            store,
            Note::Stopped,
            Some(backup.manifest.fingerprint.clone()),
            Some(backup.name()),
        );
    }
    for (store, verified) in saving.safe.iter().filter(|_| done) {
        let backup = verified.backup();
        baselines::write(
            cx,
            apply,
            store,
            Note::Destroyed { backup: Some(backup.name()) },
            Some(backup.manifest.fingerprint.clone()),
            Some(backup.name()),
        );
    }
    for (store, fingerprint) in &saving.seen {
        let note = if gone(store) { Note::Destroyed { backup: None } } else { Note::Stopped };
        baselines::write(cx, apply, store, note, Some(fingerprint.clone()), None);
    }
}

/// What the servers hold that nobody wanted a backup of, as far as they answer.
pub(super) async fn fingerprints(cx: &ProjectContext<'_>, plan: &Assessment) -> Vec<(Store, Fingerprint)> {
    let mut seen = Vec::new();
    for store in interrupted(cx, plan) {
        if let Ok(fingerprint) = store.kind.driver().fingerprint(cx.target(store, &Silent)).await {
            seen.push((store.clone(), fingerprint));
        }
    }
    seen
}

fn interrupted<'a>(cx: &'a ProjectContext<'_>, plan: &'a Assessment) -> impl Iterator<Item = &'a Store> {
    cx.inventory.stores.iter().filter(|store| {
        store.is_server()
            && plan
                .impacts
                .iter()
                .any(|impact| matches!(&impact.subject, Subject::Service { name } if *name == store.service))
    })
}

/// Adds to the journal. A command that touches no data leaves no trace in the project.
pub(super) fn write_down(cx: &ProjectContext<'_>, plan: &Assessment, entry: &Entry) {
    let touches = |impact: &Impact| match impact.effect {
        Effect::Destroy | Effect::Orphan => !impact.notice,
        Effect::Interrupt => true,
        Effect::None => false,
    };
    if !plan.impacts.iter().any(touches) {
        return;
    }
    if let Err(error) = journal::append(cx.root.directory(), entry) {
        cx.ui().warn(format!("the journal cannot be written: {error}"));
    }
}
