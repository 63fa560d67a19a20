//! Reads an export from its beginning to its end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::json::{self, ExportDraft, OnPoint};
use super::{ExportError, ExportFormat, FORMAT, FORMAT_VERSION, digest, formats, jsonl, point};
use crate::fs::{Digester, FsError};

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// An export that was read to its end and is intact.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportContents {
    pub path: PathBuf,
    /// The server's version, if the file has it.
    pub server: Option<String>,
    /// The service it comes from, if the file has it.
    pub service: Option<String>,
    /// Alias to collection.
    pub aliases: BTreeMap<String, String>,
    /// In the order of the file.
    pub collections: Vec<ExportedCollection>,
    /// The file has a digest, and it matches. Files of other tools have none.
    pub has_digest: bool,
}

/// One collection of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedCollection {
    pub name: String,
    /// `config` as a server prints it.
    pub config: Value,
    pub payload_schema: Value,
    /// The number of its points in the file.
    pub points: u64,
}

/// Reads an export to its end, and checks every point. `read` gets the size of each chunk.
pub fn scan(path: &Path, read: &mut dyn FnMut(u64)) -> Result<ExportContents, ExportError> {
    let mut upsert = Vec::new();
    let mut numbers: BTreeMap<usize, u64> = BTreeMap::new();
    let (draft, has_digest) = pass(path, read, &mut |collection, text| {
        let number = numbers.entry(collection).or_default();
        *number += 1;
        upsert.clear();
        point::to_upsert(text, &mut upsert).map_err(|reason| ExportError::Point {
            // Its name may follow its points.
            collection: format!("number {}", collection + 1),
            number: *number,
            reason,
        })
    })?;
    contents(path, &draft, has_digest)
}

fn contents(path: &Path, draft: &ExportDraft, has_digest: bool) -> Result<ExportContents, ExportError> {
    let mut collections: Vec<ExportedCollection> = Vec::new();
    for one in &draft.collections {
        let (name, config, payload_schema) = formats::collection(one)?;
        if let Some(said) = one.fields.get("count").and_then(Value::as_u64)
            && said != one.points
        {
            return Err(ExportError::Count { collection: name, said, found: one.points });
        }
        if collections.iter().any(|known| known.name == name) {
            return Err(ExportError::Shape(format!("it has two collections `{name}`")));
        }
        collections.push(ExportedCollection { name, config, payload_schema, points: one.points });
    }
    if collections.is_empty() && !has_digest {
        return Err(ExportError::Shape("it has neither collections nor points".to_owned()));
    }
    let text = |key: &str| draft.fields.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(ExportContents {
        path: path.to_owned(),
        server: text("server"),
        service: text("service"),
        aliases: formats::aliases(draft.fields.get("aliases"), &draft.collections),
        collections,
        has_digest,
    })
}

/// Reads a file once. Returns everything but the points, and whether the file has a digest that matches.
pub(super) fn pass(
    path: &Path,
    read: &mut dyn FnMut(u64),
    on_point: &mut OnPoint<'_>,
) -> Result<(ExportDraft, bool), ExportError> {
    let kind = ExportFormat::of(path).ok_or(ExportError::Ending)?;
    pass_as(kind, path, read, on_point)
}

/// Like [`pass`], for a file that does not have its name yet.
pub(super) fn pass_as(
    kind: ExportFormat,
    path: &Path,
    read: &mut dyn FnMut(u64),
    on_point: &mut OnPoint<'_>,
) -> Result<(ExportDraft, bool), ExportError> {
    let unreadable = |source| FsError::io("read", path, source);
    let mut file = File::open(path).map_err(unreadable)?;
    let (draft, digests) = match kind {
        ExportFormat::Json => {
            let sealed = digest::find(&mut file).map_err(unreadable)?;
            let hashed = sealed.as_ref().map_or(0, |(length, _)| *length);
            let mut counted = Counted { inner: file, read, digester: Digester::default(), left: hashed };
            let draft = json::read(BufReader::with_capacity(256 * 1024, &mut counted), on_point)?;
            let found = counted.digester.finish().to_string();
            (draft, sealed.map(|(_, said)| (said, found)))
        }
        ExportFormat::JsonLines => {
            let mut counted = Counted { inner: file, read, digester: Digester::default(), left: 0 };
            let mut magic = [0; 4];
            let length = fill(&mut counted, &mut magic).map_err(unreadable)?;
            let whole = io::Cursor::new(magic[..length].to_vec()).chain(counted);
            if magic == ZSTD {
                let text = zstd::Decoder::new(whole).map_err(unreadable)?;
                jsonl::read(BufReader::with_capacity(256 * 1024, text), on_point)?
            } else {
                jsonl::read(BufReader::with_capacity(256 * 1024, whole), on_point)?
            }
        }
    };
    let format = draft.fields.get("format").map(|format| format.as_str().unwrap_or("?"));
    if let Some(other) = format.filter(|format| *format != FORMAT) {
        return Err(ExportError::Foreign(other.to_owned()));
    }
    let version = draft.fields.get("format_version").and_then(Value::as_u64).unwrap_or(0);
    if format.is_some() && version > u64::from(FORMAT_VERSION) {
        return Err(ExportError::Newer(version));
    }
    match digests {
        Some((said, found)) if said == found => Ok((draft, true)),
        Some((said, found)) => Err(ExportError::Changed { said, found }),
        None if format.is_some() => Err(ExportError::Unsealed),
        None => Ok((draft, false)),
    }
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reports progress, and hashes the first `left` bytes.
struct Counted<'a> {
    inner: File,
    read: &'a mut dyn FnMut(u64),
    digester: Digester,
    left: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let hashed = count.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.digester.update(&buffer[..hashed]);
        self.left -= hashed as u64;
        (self.read)(count as u64);
        Ok(count)
    }
}
