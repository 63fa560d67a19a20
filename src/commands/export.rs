//! `safe-compose backup --format json`: one portable file instead of a directory of snapshots.

use jiff::Timestamp;
use serde_json::json;

use super::context::ProjectContext;
use super::format;
use crate::backup::driver::PortableFormat;
use crate::backup::export::{ExportFormat, ExportOrigin, ExportSink, ExportedFile, PendingExport};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::Store;
use crate::progress::{Progress as _, Unit};
use crate::units::{Bytes, count};

/// Exports every store, one after the other. The first that fails ends it, and leaves no file.
pub(super) async fn run(
    cx: &ProjectContext<'_>,
    stores: &[Store],
    kind: ExportFormat,
    as_json: bool,
) -> Result<Exit, Failure> {
    let mut written = Vec::new();
    for store in stores {
        let Some(portable) = store.kind.driver().portable() else {
            cx.ui().say(format!(
                "`{}` holds plain files, which no portable file has; `{}` copies them.",
                store.service,
                cx.suggest().backup()
            ));
            continue;
        };
        let one = export(cx, store, portable, kind).await.map_err(|error| {
            Failure::new(Exit::BackupFailed, format!("`{}` could not be exported", store.service))
                .because(error)
                .say("No file was kept, and the server is as it was.")
        })?;
        cx.ui().good(format!(
            "exported `{}`: {}, {} ({}, counted and read back) in {}",
            store.service,
            count(one.collections, "collection"),
            count(one.points, "point"),
            Bytes(one.bytes),
            format::short_path(&one.path),
        ));
        written.push((store, one));
    }
    if written.is_empty() {
        return Err(Failure::new(Exit::BackupFailed, "there is no Qdrant to export"));
    }
    if as_json {
        let list: Vec<_> = written.iter().map(|(store, one)| listed(store, one)).collect();
        cx.ui().result(format::json(&list));
    }
    Ok(Exit::Success)
}

fn listed(store: &Store, written: &ExportedFile) -> serde_json::Value {
    json!({
        "service": store.service,
        "path": written.path,
        "bytes": written.bytes,
        "collections": written.collections,
        "points": written.points,
    })
}

async fn export(
    cx: &ProjectContext<'_>,
    store: &Store,
    portable: &dyn PortableFormat,
    kind: ExportFormat,
) -> anyhow::Result<ExportedFile> {
    let meter = cx.ui().meter();
    let place = PendingExport::create(&cx.root, &store.id, Timestamp::now(), kind)?;
    let origin = ExportOrigin {
        tool: concat!("safe-compose ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: place.created,
        project: cx.project.name.clone(),
        service: store.service.clone(),
    };
    let sink = ExportSink::begin(place, origin);
    let exported = match portable.export(cx.target(store, &meter), &sink).await {
        Ok(exported) => exported,
        // A full disk shows as a sink that takes nothing any more.
        Err(error) => return Err(sink.failure().await.unwrap_or(error)),
    };
    for remark in &exported.remarks {
        cx.ui().warn(format!("{}: {remark}", store.service));
    }
    let task = meter.begin("reading the export back", Unit::Bytes, None);
    sink.finish(move |read| task.advance(read)).await
}
