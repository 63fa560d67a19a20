//! Writes an export on a thread of its own, from parts that it receives through a bounded channel.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::read::pass_as;
use super::write::Writer;
use super::{CollectionConfig, ExportFormat, ExportHeader, ExportOrigin, PendingExport};
use crate::fs::{PRIVATE_FILE, PendingFile};
use crate::units::Bytes;

/// How many parts may wait for the disk.
const WAITING: usize = 4;

/// The compression level: vectors hardly shrink, and the server should stay the bottleneck.
const ZSTD_LEVEL: i32 = 1;

/// A part of an export. After the header, for each collection: begin, points, end.
#[derive(Debug)]
pub enum ExportPart {
    Header(ExportHeader),
    Begin(CollectionConfig),
    /// Points, with the separator of the format between them.
    Points {
        text: Vec<u8>,
        count: u64,
    },
    End,
}

/// A finished export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    pub path: PathBuf,
    pub bytes: u64,
    pub collections: u64,
    pub points: u64,
}

/// Receives the parts of one export. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct ExportSink {
    pub kind: ExportFormat,
    pieces: Sender<ExportPart>,
    writing: JoinHandle<anyhow::Result<Pending>>,
}

/// An export that is written completely, under its temporary name.
#[derive(Debug)]
struct Pending {
    place: PendingExport,
    collections: u64,
    points: u64,
}

impl ExportSink {
    pub fn begin(place: PendingExport, origin: ExportOrigin) -> Self {
        let (pieces, coming) = channel(WAITING);
        let kind = place.kind;
        let writing = tokio::task::spawn_blocking(move || write(place, &origin, coming));
        Self { kind, pieces, writing }
    }

    /// Waits if the disk is behind.
    pub async fn send(&self, piece: ExportPart) -> anyhow::Result<()> {
        self.pieces.send(piece).await.ok().context("the export cannot be written")
    }

    /// Why no more parts are accepted, if that is the case.
    pub async fn failure(self) -> Option<anyhow::Error> {
        drop(self.pieces);
        self.writing.await.map_err(anyhow::Error::from).and_then(|written| written).err()
    }

    /// Reads the file back to its end, and gives it its name. `read` gets the size of each chunk.
    pub async fn finish(self, mut read: impl FnMut(u64) + Send + 'static) -> anyhow::Result<ExportedFile> {
        drop(self.pieces);
        let Pending { place, collections, points } = self.writing.await??;
        tokio::task::spawn_blocking(move || {
            let PendingExport { path, kind, pending, .. } = &place;
            let (draft, has_digest) = pass_as(*kind, pending.path(), &mut read, &mut |_, _| Ok(()))
                .context("the export cannot be read back")?;
            let found: u64 = draft.collections.iter().map(|one| one.points).sum();
            anyhow::ensure!(
                has_digest && draft.collections.len() as u64 == collections && found == points,
                "the export reads back with {found} points instead of {points}"
            );
            let bytes = pending.path().metadata().context("the export has disappeared")?.len();
            let written = ExportedFile { path: path.clone(), bytes, collections, points };
            tracing::debug!(size = %Bytes(bytes), mode = PRIVATE_FILE, "the export is whole");
            place.pending.keep(&place.path)?;
            Ok(written)
        })
        .await?
    }
}

fn write(
    mut place: PendingExport,
    origin: &ExportOrigin,
    coming: Receiver<ExportPart>,
) -> anyhow::Result<Pending> {
    let kind = place.kind;
    let (collections, points) = {
        let buffered = BufWriter::with_capacity(256 * 1024, &mut place.pending);
        match kind {
            ExportFormat::Json => {
                let (mut out, counts) = pieces(Writer::new(buffered, kind), origin, coming)?;
                out.flush()?;
                counts
            }
            ExportFormat::JsonLines => {
                let mut encoder = zstd::Encoder::new(buffered, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                let (encoder, counts) = pieces(Writer::new(encoder, kind), origin, coming)?;
                encoder.finish()?.flush()?;
                counts
            }
        }
    };
    PendingFile::sync(&place.pending)?;
    Ok(Pending { place, collections, points })
}

fn pieces<W: Write>(
    mut writer: Writer<W>,
    origin: &ExportOrigin,
    mut coming: Receiver<ExportPart>,
) -> anyhow::Result<(W, (u64, u64))> {
    let (mut collections, mut points) = (0, 0);
    while let Some(piece) = coming.blocking_recv() {
        match piece {
            ExportPart::Header(head) => writer.head(origin, &head)?,
            ExportPart::Begin(collection) => writer.open(&collection)?,
            ExportPart::Points { text, count } => writer.points(&text, count)?,
            ExportPart::End => {
                points += writer.close()?;
                collections += 1;
            }
        }
    }
    Ok((writer.end()?, (collections, points)))
}
