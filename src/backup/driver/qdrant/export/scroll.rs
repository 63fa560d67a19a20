//! Reads one part of a collection page by page, in bounded memory.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::partition::Part;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::server::rest::{ScrollPage, ScrollRequest};
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::export::{ExportPart, ExportSink, point};
use crate::progress::Task;

/// The target size of a page.
const LENGTH: u64 = 2 * 1024 * 1024;

/// A larger page is dropped and requested again with fewer points. A single point may have any size.
const LONGEST: usize = 8 * 1024 * 1024;

/// The number of points on the first page, while their size is unknown.
const FIRST: u64 = 16;

/// The maximum number of points on a page.
const MOST: u64 = 10_000;

/// How often a page is tried.
const TRIES: u32 = 4;

/// How often in a row the server may ask for a pause, as strict mode's `read_rate_limit` does; about a minute in total.
const PAUSES: u32 = 60;

/// What is read, and where it goes.
pub(crate) struct ScrollContext<'a> {
    pub(crate) client: &'a Client,
    pub(crate) collection: &'a str,
    pub(crate) sink: &'a ExportSink,
    pub(crate) task: &'a dyn Task,
    pub(crate) timeouts: &'a Timeouts,
    /// The maximum number of points on a page, as the collection allows.
    pub(crate) cap: u64,
}

/// Reads a part to its end. Returns the number of its points.
pub(crate) async fn read(reading: &ScrollContext<'_>, part: &Part) -> anyhow::Result<u64> {
    let most = MOST.min(reading.cap).max(1);
    let mut limit = FIRST.min(most);
    let mut offset = part.from.clone();
    let mut read = 0;
    loop {
        let Some(body) = page(reading, part, &offset, limit).await? else {
            limit = (limit / 4).max(1);
            continue;
        };
        let found = ScrollPage::points(&body).with_context(|| {
            format!("cannot read the points of collection `{}`: the response is invalid", reading.collection)
        })?;
        let separator = reading.sink.kind.separator();
        let mut text = Vec::with_capacity(body.len());
        let next = found.next;
        let (mut count, mut is_last) = (0, next.is_null());
        let each = (body.len() as u64 / found.points.len().max(1) as u64).max(1);
        for one in found.points {
            if !part.until.is_null() && !part.has(&id_of(one.get())?) {
                is_last = true;
                break;
            }
            if count > 0 {
                text.extend_from_slice(separator);
            }
            text.extend_from_slice(one.get().as_bytes());
            count += 1;
        }
        drop(body);
        read += count;
        reading.task.advance(count);
        reading.sink.send(ExportPart::Points { text, count }).await?;
        if is_last {
            return Ok(read);
        }
        if next == offset {
            bail!("the server returns the same page of collection `{}` repeatedly", reading.collection);
        }
        offset = next;
        limit = (LENGTH / each).clamp(1, most);
    }
}

fn id_of(point: &str) -> anyhow::Result<Value> {
    let id = point::id(point).map_err(anyhow::Error::msg)?;
    Ok(serde_json::from_str(id)?)
}

/// One page; `None` if it is too large.
async fn page(
    reading: &ScrollContext<'_>,
    part: &Part,
    offset: &Value,
    limit: u64,
) -> anyhow::Result<Option<Vec<u8>>> {
    let longest = if limit == 1 { usize::MAX } else { LONGEST };
    let asked = ScrollRequest { limit, offset, filter: &part.filter, longest };
    let (mut failures, mut pauses) = (0, 0);
    loop {
        match reading.client.rest().scroll(reading.collection, &asked).await {
            Ok(ScrollPage::Page { body }) => return Ok(Some(body)),
            Ok(ScrollPage::TooLong) => return Ok(None),
            Err(ApiError::Refused { message, .. }) if message.contains("ate limit") && pauses < PAUSES => {
                pauses += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(ApiError::Unreachable { .. } | ApiError::Failed { .. }) if failures + 1 < TRIES => {
                failures += 1;
                tokio::time::sleep(reading.timeouts.pause * failures).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
