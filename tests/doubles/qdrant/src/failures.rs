//! The ways in which this server can be told to misbehave, at start or while it runs.

use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One way to misbehave. The text form is the kebab-case name, with `:ARGUMENT` where one is needed.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// `refuse`: connections are reset, new and old ones alike.
    Refuse,
    /// `stall:SECONDS`: every answer is late.
    Stall(Duration),
    /// `stall-download:SECONDS`: a snapshot download pauses in the middle.
    StallDownload(Duration),
    /// `cut-download:BYTES`: the body ends early, against the announced length.
    CutDownload(u64),
    /// `cut-download-quietly:BYTES`: the body ends early, and the announced length lies to match.
    CutDownloadQuietly(u64),
    /// `cut-stream:BYTES`: the stream of a shard or of its changes ends early; nothing tells that it was longer.
    CutStream(u64),
    /// `changes-500`: a difference to an earlier state of a shard cannot be had.
    ChangesFail,
    /// `flip-download`: one bit of a downloaded snapshot is flipped.
    FlipDownload,
    /// `wrong-checksum`: the snapshot's description announces another digest.
    WrongChecksum,
    /// `snapshot-500`: taking a snapshot fails.
    SnapshotFails,
    /// `upload-500`: restoring a snapshot fails.
    UploadFails,
    /// `upload-empty`: restoring succeeds, but the collection is empty (qdrant issue 10135).
    UploadEmpty,
    /// `scroll-500:N`: so many pages of points are given, and then none.
    ScrollFails(u64),
    /// `scroll-loses`: a page of points lacks its last one.
    ScrollLoses,
    /// `upsert-500:N`: so many batches of points are taken, and then none.
    UpsertFails(u64),
    /// `upsert-loses`: the last point of a batch is not written, and the answer is a success.
    UpsertLoses,
    /// `count-changes`: a point is written while a snapshot is taken.
    CountChanges,
    /// `lose-collection:NAME`: the collection is gone, as if its `config.json` had vanished.
    LoseCollection(String),
    /// `red:NAME`: the collection's status is red.
    Red(String),
    /// `unreadable:NAME`: the collection is listed, but its shard cannot be read (a dummy shard).
    Unreadable(String),
    /// `recovery-mode`: collections are listed, and none is loaded.
    RecoveryMode,
    /// `lose-on-restart`: the storage is empty after the next start.
    LoseOnRestart,
    /// `slow-start:SECONDS`: the ports open late.
    SlowStart(Duration),
    /// `die-before:N`: after N more requests over HTTP it is as dead, and the next one was never carried out.
    DieBefore(u64),
    /// `die-after:N`: the same, but the next one is carried out, and nobody learns of it.
    DieAfter(u64),
}

/// When a server that dies does so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Before,
    After,
}

impl FromStr for Failure {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let need = || argument.ok_or_else(|| anyhow::anyhow!("failure `{name}` needs an argument"));
        let seconds = || anyhow::Ok(Duration::from_secs_f64(need()?.parse()?));
        Ok(match name {
            "refuse" => Self::Refuse,
            "stall" => Self::Stall(seconds()?),
            "stall-download" => Self::StallDownload(seconds()?),
            "cut-download" => Self::CutDownload(need()?.parse()?),
            "cut-download-quietly" => Self::CutDownloadQuietly(need()?.parse()?),
            "cut-stream" => Self::CutStream(need()?.parse()?),
            "changes-500" => Self::ChangesFail,
            "flip-download" => Self::FlipDownload,
            "wrong-checksum" => Self::WrongChecksum,
            "snapshot-500" => Self::SnapshotFails,
            "upload-500" => Self::UploadFails,
            "upload-empty" => Self::UploadEmpty,
            "scroll-500" => Self::ScrollFails(need()?.parse()?),
            "scroll-loses" => Self::ScrollLoses,
            "upsert-500" => Self::UpsertFails(need()?.parse()?),
            "upsert-loses" => Self::UpsertLoses,
            "count-changes" => Self::CountChanges,
            "lose-collection" => Self::LoseCollection(need()?.to_owned()),
            "red" => Self::Red(need()?.to_owned()),
            "unreadable" => Self::Unreadable(need()?.to_owned()),
            "recovery-mode" => Self::RecoveryMode,
            "lose-on-restart" => Self::LoseOnRestart,
            "slow-start" => Self::SlowStart(seconds()?),
            "die-before" => Self::DieBefore(need()?.parse()?),
            "die-after" => Self::DieAfter(need()?.parse()?),
            other => anyhow::bail!("unknown failure `{other}`"),
        })
    }
}

/// The failures in force, shared by everyone who holds a clone.
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<Vec<Failure>>>);

impl Failures {
    /// Read a comma list such as `stall:2,red:receitas`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let list = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self(Arc::new(Mutex::new(list.map(str::parse).collect::<anyhow::Result<_>>()?))))
    }

    /// Replace what is in force; an empty list ends all misbehaviour.
    pub fn set(&self, failures: Vec<Failure>) {
        *self.lock() = failures;
    }

    pub fn add(&self, failure: Failure) {
        self.lock().push(failure);
    }

    /// Counts one request down. Whoever is told to die refuses everything from the moment that it says.
    pub(crate) fn count_down(&self) -> Option<Death> {
        let mut list = self.lock();
        let death = list.iter_mut().find_map(|failure| {
            let (left, death) = match failure {
                Failure::DieBefore(left) => (left, Death::Before),
                Failure::DieAfter(left) => (left, Death::After),
                _ => return None,
            };
            if *left == 0 {
                return Some(death);
            }
            *left -= 1;
            None
        });
        if death == Some(Death::Before) {
            *list = vec![Failure::Refuse];
        }
        death
    }

    pub fn list(&self) -> Vec<Failure> {
        self.lock().clone()
    }

    pub fn has(&self, wanted: &Failure) -> bool {
        self.lock().contains(wanted)
    }

    /// Counts one request down from the number that `pick` finds. Returns whether it is the time to fail.
    pub(crate) fn spend(&self, pick: impl Fn(&mut Failure) -> Option<&mut u64>) -> bool {
        match self.lock().iter_mut().find_map(pick) {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// The first answer that `pick` gives for a failure in force.
    pub fn find<T>(&self, pick: impl Fn(&Failure) -> Option<T>) -> Option<T> {
        self.lock().iter().find_map(pick)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read() {
        let failures = Failures::parse("refuse, stall:0.5,red:a:b").unwrap().list();
        assert_eq!(
            failures,
            [Failure::Refuse, Failure::Stall(Duration::from_millis(500)), Failure::Red("a:b".into())]
        );
    }

    #[test]
    fn a_server_dies_when_it_was_told_to() {
        for (text, death) in [("die-before:2", Death::Before), ("die-after:2", Death::After)] {
            let failures = Failures::parse(text).unwrap();
            assert_eq!((failures.count_down(), failures.count_down()), (None, None));
            assert_eq!(failures.count_down(), Some(death));
            assert_eq!(failures.has(&Failure::Refuse), death == Death::Before);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["nonsense", "stall", "cut-download:x"] {
            assert!(Failures::parse(text).is_err(), "{text}");
        }
    }
}
