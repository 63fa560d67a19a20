//! Fills a new collection from an export: payload indexes first, vector indexing off while points are written, strict
//! mode last.

use anyhow::{Context as _, bail, ensure};
use futures_util::TryStreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};

use crate::backup::driver::cancellation::Cancellation;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::state::body;
use crate::backup::driver::qdrant::state::vectors::Vectors;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::export::{Batch, Batches, ExportedCollection};
use crate::progress::Task;

/// How many batches are sent at the same time.
const AT_ONCE: usize = 3;

/// How often a batch is tried; writing the same points twice does no harm.
const TRIES: u32 = 4;

/// The size in KiB from which a segment's vectors are indexed, if the configuration does not set it
/// (`DEFAULT_INDEXING_THRESHOLD_KB` in `lib/collection/src/optimizers_builder.rs`).
const INDEXING_THRESHOLD: u64 = 10_000;

/// A collection to load.
pub(crate) struct LoadJob<'a> {
    pub(crate) client: &'a Client,
    /// The new collection.
    pub(crate) name: &'a str,
    pub(crate) found: &'a ExportedCollection,
    /// The index of the collection in the file.
    pub(crate) number: usize,
    pub(crate) task: &'a dyn Task,
    pub(crate) timeouts: &'a Timeouts,
    pub(crate) cancellation: &'a Cancellation,
}

/// Creates the collection, fills it, and counts.
pub(crate) async fn load(loading: &LoadJob<'_>, batches: Option<&mut Batches>) -> anyhow::Result<()> {
    let LoadJob { client, name, found, .. } = loading;
    let mut body = body::body(&found.config);
    let strict = body.as_object_mut().and_then(|body| body.shift_remove("strict_mode_config"));
    let threshold = body["optimizers_config"]["indexing_threshold"].as_u64();
    if body["optimizers_config"].is_null() {
        body["optimizers_config"] = json!({});
    }
    body["optimizers_config"]["indexing_threshold"] = 0.into();
    client.rest().create_collection(name, &body).await?;
    for index in body::indexes(&found.payload_schema) {
        client.rest().create_index(name, &index).await?;
    }
    let expected = match batches {
        Some(batches) => {
            fill(loading, batches).await?;
            found.points
        }
        None => 0,
    };
    let threshold = threshold.unwrap_or(INDEXING_THRESHOLD);
    let indexing = json!({ "optimizers_config": { "indexing_threshold": threshold } });
    client.rest().change_collection(name, &indexing).await?;
    check(loading, expected).await?;
    if let Some(strict) = strict.filter(Value::is_object) {
        client.rest().change_collection(name, &json!({ "strict_mode_config": strict })).await?;
    }
    Ok(())
}

async fn fill(loading: &LoadJob<'_>, batches: &mut Batches) -> anyhow::Result<()> {
    let number = loading.number;
    let coming = stream::try_unfold(batches, move |batches| async move {
        loading.cancellation.check()?;
        let next = batches.next_of(number).await?;
        anyhow::Ok(next.map(|batch| (batch, batches)))
    });
    coming.try_for_each_concurrent(AT_ONCE, |batch| write(loading, batch)).await
}

async fn write(loading: &LoadJob<'_>, batch: Batch) -> anyhow::Result<()> {
    let mut failures = 0;
    loop {
        match loading.client.rest().upsert(loading.name, batch.body.clone()).await {
            Ok(()) => {
                loading.task.advance(batch.count);
                return Ok(());
            }
            Err(ApiError::Unreachable { .. } | ApiError::Failed { .. }) if failures + 1 < TRIES => {
                failures += 1;
                tokio::time::sleep(loading.timeouts.pause * failures).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Compares the collection with the file.
async fn check(loading: &LoadJob<'_>, expected: u64) -> anyhow::Result<()> {
    let LoadJob { client, name, found, .. } = loading;
    let info = client.rest().info(name).await.context("it cannot be read after loading")?;
    let points = client.count(name, &info).await?;
    ensure!(
        points == expected,
        "it has {points} points instead of {expected}: two points may have the same id"
    );
    let (before, after) = (Vectors::of(&found.config), Vectors::of(&info["config"]));
    ensure!(before == after, "it has the vectors {after} instead of {before}");
    if info["status"] == "red" {
        bail!("its status is red: an operation on it failed");
    }
    let fields = found.payload_schema.as_object().into_iter().flatten();
    for (field, _) in fields {
        ensure!(info["payload_schema"].get(field).is_some(), "its payload index `{field}` was not created");
    }
    Ok(())
}
