//! Copies the backups that a repository lacks, and records which are left to copy.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::access::{self, BytesRead, OpenedRepository};
use crate::backup::repository::{CopyState, RepositoryError, RepositorySnapshot, SendOptions, Sent};
use crate::backup::set;
use crate::backup::store::{Backup, BackupRoot, Damage, StoreError, Verified};
use crate::commands::command_context::CommandContext;
use crate::commands::mode::Apply;
use crate::error::{Failure, causes};
use crate::exit::Exit;
use crate::progress::{Progress, Unit};
use crate::units::{Bytes, count};

/// A backup that has to be in the repository. Only one that is not there is read.
#[derive(Debug, Clone)]
pub(super) enum CopyCandidate {
    /// It was read back just now.
    Verified(Verified),
    /// A command relies on it: if it is damaged, there is no copy.
    Relied(Backup),
    /// It waits for its copy. If it was damaged since, it never gets one.
    Waiting(Backup),
}

impl CopyCandidate {
    pub(super) fn backup(&self) -> &Backup {
        match self {
            Self::Verified(verified) => verified.backup(),
            Self::Relied(backup) | Self::Waiting(backup) => backup,
        }
    }
}

/// What can be copied, and what cannot.
#[derive(Default)]
struct ReadBackups {
    jobs: Vec<(Verified, SendOptions)>,
    /// The first that the system failed to read.
    unread: Option<RepositoryError>,
    /// Why nothing may be copied.
    refusal: Option<RepositoryError>,
}

/// Copies the backups of one project.
pub(super) struct Transfer<'a> {
    pub(super) command: &'a CommandContext,
    pub(super) project: &'a str,
    pub(super) root: &'a BackupRoot,
    pub(super) apply: Apply,
}

impl Transfer<'_> {
    /// These and those that wait for their copy, oldest first. What was removed since waits no more.
    pub(super) fn with_waiting(&self, mut candidates: Vec<CopyCandidate>) -> Vec<CopyCandidate> {
        let waiting = self.state().pending;
        let waiting = waiting.iter().filter_map(|name| self.root.find_any(name).ok());
        candidates.extend(waiting.map(CopyCandidate::Waiting));
        let mut seen = BTreeSet::new();
        candidates.retain(|one| seen.insert(one.backup().directory.clone()));
        candidates.sort_by_key(|one| (one.backup().manifest.created, one.backup().name()));
        candidates
    }

    /// Of those that wait, the ones that the system fails to read: they go on waiting.
    fn unread(&self) -> BTreeSet<String> {
        let is_unread = |name: &String| {
            let found = self.root.find_any(name);
            matches!(found, Err(StoreError::Damaged { damage, .. }) if damage.is_read_failure())
        };
        self.state().pending.into_iter().filter(is_unread).collect()
    }

    /// Records that nothing waits.
    pub(super) fn settle(&self) {
        let (state, pending) = (self.state(), self.unread());
        if state.pending != pending {
            self.write(CopyState { pending, error: None, ..state });
        }
    }

    /// Records that nothing could be copied, and why.
    pub(super) fn not_copied(&self, repository: String, candidates: &[CopyCandidate], error: String) {
        let mut pending = self.unread();
        pending.extend(candidates.iter().map(|one| one.backup().name()));
        self.write(CopyState { repository, pending, error: Some(error), ..self.state() });
    }

    /// Copies what is missing. Returns what was copied.
    pub(super) async fn run(
        &self,
        (repository, known): OpenedRepository,
        candidates: Vec<CopyCandidate>,
    ) -> Result<Vec<(String, Sent)>, Failure> {
        let command = self.command;
        let name = repository.name().to_owned();
        let missing: Vec<CopyCandidate> =
            candidates.into_iter().filter(|one| !is_known(&known, one.backup())).collect();
        if missing.is_empty() {
            self.settle();
            return Ok(Vec::new());
        }
        command.record.will(format!("copies backups to {name}"));
        command.record.begin(self.apply);
        let mut state = self.state();
        state.repository.clone_from(&name);
        state.pending = self.unread();
        state.pending.extend(missing.iter().map(|one| one.backup().name()));
        let ReadBackups { jobs, unread, refusal } = self.read(missing, &mut state);
        let (copied, failed) = match refusal {
            Some(error) => (Vec::new(), Some(error)),
            None => send(&command.ui.meter(), (repository, known), jobs).await,
        };
        let failed = failed.or(unread);
        for (backup, sent) in &copied {
            state.pending.remove(backup);
            command.ui.good(format!("copied `{backup}` to {name} ({} added)", Bytes(sent.added)));
        }
        if !copied.is_empty() {
            state.copied = Some(Timestamp::now());
        }
        let failed = failed.map(anyhow::Error::from);
        state.error = failed.as_ref().map(causes);
        let waiting = state.pending.len();
        self.write(state);
        match failed {
            None => Ok(copied),
            Some(error) => Err(failure(waiting, &name).because(error)),
        }
    }

    /// Reads what is copied. What waited and is damaged is left out.
    fn read(&self, missing: Vec<CopyCandidate>, state: &mut CopyState) -> ReadBackups {
        let sets = set::list(self.root);
        let options = |backup: &Backup| SendOptions {
            host: self.command.env.host_name.clone(),
            set: sets
                .iter()
                .find(|(_, set)| set.backups.iter().any(|member| member.name == backup.name()))
                .map(|(file, _)| set::name(file)),
        };
        let ui = &self.command.ui;
        let mut read_backups = ReadBackups::default();
        for candidate in missing {
            let name = candidate.backup().name();
            let is_needed = matches!(candidate, CopyCandidate::Relied(_));
            let read = match candidate {
                CopyCandidate::Verified(verified) => Ok(verified),
                CopyCandidate::Relied(backup) | CopyCandidate::Waiting(backup) => {
                    backup.check_showing(&ui.meter())
                }
            };
            match read {
                Ok(verified) => {
                    let options = options(&verified);
                    read_backups.jobs.push((verified, options));
                }
                Err(damage) if is_needed => {
                    let refusal = Some(RepositoryError::DamagedBackup { name, damage });
                    return ReadBackups { refusal, ..ReadBackups::default() };
                }
                // It goes on waiting.
                Err(damage) if damage.is_read_failure() => {
                    read_backups.unread.get_or_insert(RepositoryError::UnreadBackup { name, damage });
                }
                Err(Damage::Offloaded) => {
                    state.pending.remove(&name);
                    ui.warn(format!(
                        "`{name}` is lost: its files were only in the repository, which lacks it."
                    ));
                }
                Err(damage) => {
                    state.pending.remove(&name);
                    ui.warn(format!("`{name}` is not copied: {}.", causes(&damage.into())));
                }
            }
        }
        read_backups
    }

    fn state(&self) -> CopyState {
        CopyState::read(self.root, self.project).unwrap_or_default()
    }

    fn write(&self, state: CopyState) {
        if let Err(error) = state.write(self.root, self.project) {
            self.command
                .ui
                .warn(format!("what was copied could not be recorded: {}.", causes(&error.into())));
        }
    }
}

/// Whatever the reason, the backups are not where they have to be.
pub(super) fn failure(waiting: usize, repository: &str) -> Failure {
    let what = format!("{} could not be copied to {repository}", count(waiting as u64, "backup"));
    Failure::new(Exit::BackupFailed, what)
}

/// Machines may have backups of the same name.
pub(super) fn is_known(known: &[RepositorySnapshot], backup: &Backup) -> bool {
    known.iter().any(|one| {
        one.stored.name == backup.name()
            && one.stored.manifest.project == backup.manifest.project
            && one.stored.is_same(&backup.manifest)
    })
}

/// Sends one after the other. The first failure ends it: the others would fail for the same reason.
async fn send(
    progress: &dyn Progress,
    (repository, known): OpenedRepository,
    jobs: Vec<(Verified, SendOptions)>,
) -> (Vec<(String, Sent)>, Option<RepositoryError>) {
    let work = move |advance: BytesRead| {
        let mut copied = Vec::new();
        let repository = match repository.indexed() {
            Ok(repository) => repository,
            Err(error) => return (copied, Some(error)),
        };
        for (backup, options) in jobs {
            let advance = advance.clone();
            let shown = move |bytes| {
                advance.by(bytes);
            };
            match repository.send(&backup, &options, &known, shown) {
                Ok(sent) => copied.push((backup.name(), sent)),
                Err(error) => return (copied, Some(error)),
            }
        }
        (copied, None)
    };
    let task = progress.begin("copying to the repository", Unit::Bytes, None);
    access::blocking_showing(task.as_ref(), work).await
}
