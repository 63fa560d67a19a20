//! `safe-compose export-data`: write the collections of a Qdrant to one portable file.

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;

use super::context::{CommandContext, ProjectContext};
use super::dry_run::{DryRun, PlannedChange};
use super::format;
use super::mode::{Apply, Mode};
use super::services::ensure_known;
use crate::backup::export::{ExportFormat, ExportOrigin, ExportSink, ExportedFile, PendingExport};
use crate::cli::{ExportDataArgs, FileFormat, Format};
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::{Store, StoreKind};
use crate::progress::{Progress as _, Unit};
use crate::units::{Bytes, count};

pub(super) async fn run(
    command: &CommandContext,
    args: &ExportDataArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let stores = chosen(&cx, &args.services)?;
    let kind = match args.file_format() {
        FileFormat::Json => ExportFormat::Json,
        FileFormat::Jsonl => ExportFormat::JsonLines,
    };
    match mode {
        Mode::DryRun => Ok(plan(&cx, &stores).show(cx.ui(), output)),
        Mode::Apply(apply) => super::interruptible(act(&cx, &stores, kind, (apply, output))).await,
    }
}

fn plan(cx: &ProjectContext<'_>, stores: &[Store]) -> DryRun {
    let changes = stores.iter().map(|store| {
        let directory = cx.root.directory().join(&store.id);
        PlannedChange::new("export", format!("`{}`", store.service))
            .with(format!("to a file in {}", format::short_path(&directory)))
    });
    DryRun::new("export-data", changes.collect())
}

/// The running servers among the services.
fn chosen(cx: &ProjectContext<'_>, services: &[String]) -> Result<Vec<Store>, Failure> {
    ensure_known(cx, services)?;
    let mut stores = Vec::new();
    for store in cx.inventory.of_services(services) {
        match (store.kind, store.is_running()) {
            (StoreKind::Qdrant, true) => stores.push(store.clone()),
            (StoreKind::Qdrant, false) => {
                cx.ui().warn(format!("`{}` is not running, so it was not exported.", store.service));
                cx.ui().suggest("To start it", cx.suggest().up(&store.service));
            }
            (StoreKind::Volume | StoreKind::Sql(_), _) => {
                cx.ui().say(format!("`{}` holds files, which have no portable format.", store.service));
                cx.ui().suggest("To back them up", cx.suggest().backup());
            }
        }
    }
    if stores.is_empty() {
        return Err(Failure::new(Exit::BackupFailed, "there is nothing to export")
            .because(anyhow::anyhow!("no Qdrant server of this project is running")));
    }
    Ok(stores)
}

/// Exports every store, one after the other. The first failure ends it and leaves no file.
async fn act(
    cx: &ProjectContext<'_>,
    stores: &[Store],
    kind: ExportFormat,
    (apply, output): (Apply, Format),
) -> Result<Exit, Failure> {
    let mut written = Vec::new();
    for store in stores {
        let one = export(cx, apply, store, kind).await.map_err(|error| {
            Failure::new(Exit::BackupFailed, format!("`{}` could not be exported", store.service))
                .because(error)
                .say("No file was written, and the server was not changed.")
        })?;
        cx.ui().good(format!(
            "exported `{}`: {}, {} ({}, verified) to {}",
            store.service,
            count(one.collections, "collection"),
            count(one.points, "point"),
            Bytes(one.bytes),
            format::short_path(&one.path),
        ));
        written.push((store, one));
    }
    if output == Format::Json {
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
    apply: Apply,
    store: &Store,
    kind: ExportFormat,
) -> anyhow::Result<ExportedFile> {
    cx.command.record.will(format!("exports {}", store.id));
    cx.command.record.begin(apply);
    let portable =
        store.kind.driver().portable().context("the contents of plain files cannot be exported")?;
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
        // A full disk shows as a sink that accepts nothing more.
        Err(error) => return Err(sink.failure().await.unwrap_or(error)),
    };
    for remark in &exported.remarks {
        cx.ui().warn(format!("{}: {remark}", store.service));
    }
    let task = meter.begin("reading the file back", Unit::Bytes, None);
    sink.finish(move |read| task.advance(read)).await
}
