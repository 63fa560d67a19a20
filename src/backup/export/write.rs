//! The text of an export, hashed as it is written.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::{CollectionConfig, ExportFormat, ExportHeader, ExportOrigin, FORMAT, FORMAT_VERSION, digest};
use crate::fs::Digester;

/// Writes one export; the calls come in the order of the file.
#[derive(Debug)]
pub(super) struct Writer<W> {
    out: W,
    kind: ExportFormat,
    digester: Digester,
    collections: u64,
    /// Points of the current collection.
    points: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W, kind: ExportFormat) -> Self {
        Self { out, kind, digester: Digester::default(), collections: 0, points: 0 }
    }

    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        self.digester.update(text);
        self.out.write_all(text)
    }

    fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(value)?;
        self.put(&text)
    }

    pub(super) fn head(&mut self, origin: &ExportOrigin, head: &ExportHeader) -> io::Result<()> {
        let version = format!("{{\"format\":\"{FORMAT}\",\"format_version\":{FORMAT_VERSION}");
        self.put(version.as_bytes())?;
        let between: &[u8] = match self.kind {
            ExportFormat::Json => b",\n",
            ExportFormat::JsonLines => b",",
        };
        for (key, value) in [
            ("tool", json!(origin.tool)),
            ("created", json!(origin.created)),
            ("project", json!(origin.project)),
            ("service", json!(origin.service)),
            ("server", json!(head.server)),
            ("aliases", json!(head.aliases)),
        ] {
            self.put(between)?;
            self.put(format!("\"{key}\":").as_bytes())?;
            self.json(&value)?;
        }
        match self.kind {
            ExportFormat::Json => self.put(b",\n\"collections\":["),
            ExportFormat::JsonLines => self.put(b"}\n"),
        }
    }

    pub(super) fn open(&mut self, collection: &CollectionConfig) -> io::Result<()> {
        self.points = 0;
        match self.kind {
            ExportFormat::Json => {
                self.put(if self.collections == 0 { b"\n" } else { b",\n" })?;
                let text = serde_json::to_vec(collection)?;
                // Without its closing brace: the points follow.
                self.put(&text[..text.len() - 1])?;
                self.put(b",\"points\":[\n")?;
            }
            ExportFormat::JsonLines => {
                self.json(&json!({ "collection": collection }))?;
                self.put(b"\n")?;
            }
        }
        self.collections += 1;
        Ok(())
    }

    /// Some points of the current collection, with the separator of the format between them.
    pub(super) fn points(&mut self, text: &[u8], count: u64) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        if self.kind == ExportFormat::Json && self.points > 0 {
            self.put(b",\n")?;
        }
        self.put(text)?;
        if self.kind == ExportFormat::JsonLines {
            self.put(b"\n")?;
        }
        self.points += count;
        Ok(())
    }

    /// Ends the current collection. Returns the number of its points.
    pub(super) fn close(&mut self) -> io::Result<u64> {
        let count = self.points;
        match self.kind {
            ExportFormat::Json => self.put(format!("\n],\"count\":{count}}}").as_bytes())?,
            ExportFormat::JsonLines => self.put(format!("{{\"count\":{count}}}\n").as_bytes())?,
        }
        Ok(count)
    }

    /// Ends the file with the digest of everything before its last line.
    pub(super) fn end(mut self) -> io::Result<W> {
        if self.kind == ExportFormat::Json {
            self.put(b"\n],\n")?;
        }
        let digest = self.digester.clone().finish();
        let last = match self.kind {
            ExportFormat::Json => digest::of_document(&digest),
            ExportFormat::JsonLines => digest::of_lines(&digest),
        };
        self.out.write_all(last.as_bytes())?;
        Ok(self.out)
    }
}
