//! Reads an export again, and splits its points into batches that a server accepts.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::read::pass;
use super::{ExportError, point};

/// A batch is sent when it has this size; the server accepts bodies of up to 32 MiB (`service.max_request_size_mb`).
const LENGTH: usize = 2 * 1024 * 1024;

/// The maximum size of a body, without its frame.
const LONGEST: usize = 32 * 1024 * 1024 - 1024;

/// The maximum number of points in a batch.
const MOST: u64 = 1000;

/// Points of one collection, in the form of an upsert.
#[derive(Debug)]
pub struct Batch {
    /// The index of the collection in the file.
    pub collection: usize,
    /// `{"points":[…]}`.
    pub body: Vec<u8>,
    pub count: u64,
}

/// The batches of a file, in its order.
#[derive(Debug)]
pub struct Batches {
    coming: Receiver<Batch>,
    next: Option<Batch>,
    reading: Option<JoinHandle<Result<(), ExportError>>>,
}

impl Batches {
    /// Starts to read on a thread of its own. Only the `wanted` collections are returned.
    pub fn read(path: &Path, wanted: BTreeSet<usize>) -> Self {
        let (sender, coming) = channel(2);
        let path = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || {
            let mut gathering = Gathering { sender, open: None };
            pass(&path, &mut |_| {}, &mut |collection, text| {
                if wanted.contains(&collection) { gathering.add(collection, text) } else { Ok(()) }
            })?;
            gathering.send()
        });
        Self { coming, next: None, reading: Some(reading) }
    }

    /// The next batch of a collection; `None` at its end.
    pub async fn next_of(&mut self, collection: usize) -> anyhow::Result<Option<Batch>> {
        if self.next.is_none() {
            self.next = self.coming.recv().await;
        }
        if self.next.is_none() {
            self.ended().await?;
        }
        Ok(self.next.take_if(|batch| batch.collection == collection))
    }

    /// Waits until the file is read to its end, and checks that it was intact this time, too.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        self.coming.close();
        if let Some(reading) = self.reading.take() {
            reading.await??;
        }
        Ok(())
    }
}

struct Gathering {
    sender: Sender<Batch>,
    open: Option<Batch>,
}

impl Gathering {
    fn add(&mut self, collection: usize, text: &str) -> Result<(), ExportError> {
        let is_full = |batch: &Batch| {
            batch.collection != collection
                || batch.count >= MOST
                || batch.body.len() + text.len() > LENGTH && batch.count > 0
        };
        if self.open.as_ref().is_some_and(is_full) {
            self.send()?;
        }
        let batch =
            self.open.get_or_insert_with(|| Batch { collection, body: b"{\"points\":[".to_vec(), count: 0 });
        if batch.count > 0 {
            batch.body.push(b',');
        }
        let flaw = |reason| ExportError::Point {
            collection: format!("number {}", collection + 1),
            number: 0,
            reason,
        };
        point::to_upsert(text, &mut batch.body).map_err(flaw)?;
        if batch.body.len() > LONGEST {
            return Err(flaw("it is larger than the 32 MiB that a server accepts in one request".to_owned()));
        }
        batch.count += 1;
        Ok(())
    }

    fn send(&mut self) -> Result<(), ExportError> {
        let Some(mut batch) = self.open.take() else { return Ok(()) };
        batch.body.extend_from_slice(b"]}");
        self.sender.blocking_send(batch).map_err(|_| ExportError::Unread)
    }
}
