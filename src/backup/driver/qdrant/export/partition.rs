//! Divides the points of a collection into parts that are read in parallel.
//!
//! Servers from 1.19 on filter by `slice`, a hash of the id. On older servers each part is a range of ids, which are
//! ordered: numbers first, then UUIDs (`ExtendedPointId` in `lib/segment/src/types.rs`). The ranges may be uneven, but
//! together they are complete.

use serde_json::{Value, json};

use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::{ApiError, Result};
use crate::backup::driver::qdrant::server::rest::ScrollRequest;

/// The number of parts: enough to keep a server busy, and few enough for bounded memory.
pub(crate) const PARTS: u64 = 4;

/// Collections with fewer points are not divided.
const WORTH: u64 = 4000;

/// One part of a collection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) filter: Value,
    /// The id it starts with; null for the first id.
    pub(crate) from: Value,
    /// The id it ends before; null for the end of the collection.
    pub(crate) until: Value,
}

impl Part {
    fn whole() -> Self {
        Self { filter: Value::Null, from: Value::Null, until: Value::Null }
    }

    /// Whether a point with this id belongs to it, given that it is not before `from`.
    pub(crate) fn has(&self, id: &Value) -> bool {
        self.until.is_null() || before(id, &self.until)
    }
}

/// The order of ids: numbers before UUIDs, UUIDs by their bytes, which is also the order of their text.
fn before(id: &Value, bound: &Value) -> bool {
    match (id.as_u64(), bound.as_u64()) {
        (Some(id), Some(bound)) => id < bound,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => id.as_str() < bound.as_str(),
    }
}

pub(crate) async fn divide(client: &Client, collection: &str, points: u64) -> Result<Vec<Part>> {
    if points < WORTH {
        return Ok(vec![Part::whole()]);
    }
    let slice = |index: u64| json!({ "must": [{ "slice": { "total": PARTS, "index": index } }] });
    let asked = ScrollRequest { limit: 1, offset: &Value::Null, filter: &slice(0), longest: usize::MAX };
    match client.rest().scroll(collection, &asked).await {
        Ok(_) => Ok((0..PARTS).map(|index| Part { filter: slice(index), ..Part::whole() }).collect()),
        // An older server, or strict mode.
        Err(ApiError::Refused { .. }) => ranges(client, collection).await,
        Err(error) => Err(error),
    }
}

async fn ranges(client: &Client, collection: &str) -> Result<Vec<Part>> {
    let mut bounds = Vec::new();
    let first = client.rest().first_id(collection, &Value::Null).await?;
    if let Some(least) = first.as_ref().and_then(Value::as_u64) {
        let most = last_number(client, collection, least).await?;
        let step = (most - least) / PARTS + 1;
        bounds.extend((1..PARTS).filter_map(|n| least.checked_add(step * n)).map(Value::from));
    }
    let nil = json!("00000000-0000-0000-0000-000000000000");
    if client.rest().first_id(collection, &nil).await?.is_some() {
        let quarters =
            ["0", "4", "8", "c"].map(|digit| json!(format!("{digit}0000000-0000-0000-0000-000000000000")));
        // Without numbers before them, the first range starts with the first id.
        bounds.extend(quarters.into_iter().skip(usize::from(bounds.is_empty())));
    }
    let starts = std::iter::once(Value::Null).chain(bounds.iter().cloned());
    let ends = bounds.iter().cloned().chain([Value::Null]);
    Ok(starts.zip(ends).map(|(from, until)| Part { filter: Value::Null, from, until }).collect())
}

/// The highest number among the ids, by binary search.
async fn last_number(client: &Client, collection: &str, least: u64) -> Result<u64> {
    let (mut known, mut bound) = (least, u64::MAX);
    while known < bound {
        let middle = known + (bound - known).div_ceil(2);
        match client.rest().first_id(collection, &json!(middle)).await?.as_ref().and_then(Value::as_u64) {
            Some(found) => known = found,
            None => bound = middle - 1,
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_before_uuids() {
        let part = |until: Value| Part { until, ..Part::whole() };
        let uuid = json!("40000000-0000-0000-0000-000000000000");
        for (id, until, has) in [
            (json!(5), json!(6), true),
            (json!(6), json!(6), false),
            (json!(u64::MAX), uuid.clone(), true),
            (json!("3fffffff-ffff-ffff-ffff-ffffffffffff"), uuid.clone(), true),
            (uuid.clone(), uuid.clone(), false),
            (uuid.clone(), json!(u64::MAX), false),
            (uuid, Value::Null, true),
        ] {
            assert_eq!(part(until.clone()).has(&id), has, "{id} before {until}");
        }
    }
}
