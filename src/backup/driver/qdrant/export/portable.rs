//! Exports a server, one collection after the other, and counts each before and after.

use anyhow::{Context as _, bail};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::partition;
use super::scroll::{self, ScrollContext};
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::error::ApiError;
use crate::backup::driver::qdrant::state::fingerprint;
use crate::backup::driver::qdrant::timeouts::Timeouts;
use crate::backup::driver::{DriverTarget, Exported};
use crate::backup::export::{CollectionConfig, ExportHeader, ExportPart, ExportSink};
use crate::progress::Unit;

pub(crate) async fn export(
    target: DriverTarget<'_>,
    sink: &ExportSink,
    timeouts: Timeouts,
) -> anyhow::Result<Exported> {
    let client = Client::connect_all(target).await?;
    let aliases = client.aliases().await?.into_iter().collect();
    let head = ExportHeader { server: client.version().to_owned(), aliases };
    sink.send(ExportPart::Header(head)).await?;
    let mut exported = Exported::default();
    for name in client.collections().await? {
        let (found, info) = match fingerprint::count(&client, &name).await {
            Ok(counted) => counted,
            Err(ApiError::NotFound { .. }) if !client.collections().await?.contains(&name) => {
                exported
                    .remarks
                    .push(format!("collection `{name}` was deleted during the export and is not in it"));
                continue;
            }
            Err(error) => {
                return Err(error)
                    .context(format!("collection `{name}` cannot be read, so it cannot be exported"));
            }
        };
        everything_shows(&name, &info)?;
        let before = found.points.unwrap_or_default();
        let title = format!("exporting collection `{name}`");
        let task = target.progress.begin(&title, Unit::Items, Some(before));
        sink.send(ExportPart::Begin(CollectionConfig {
            name: name.clone(),
            config: found.config,
            payload_schema: found.payload_schema,
        }))
        .await?;
        let reading = ScrollContext {
            client: &client,
            collection: &name,
            sink,
            task: task.as_ref(),
            timeouts: &timeouts,
            cap: info["config"]["strict_mode_config"]["max_query_limit"]
                .as_u64()
                .filter(|cap| *cap > 0)
                .unwrap_or(u64::MAX),
        };
        let parts = partition::divide(&client, &name, before).await?;
        let read = try_join_all(parts.iter().map(|part| scroll::read(&reading, part))).await?;
        let written = read.into_iter().sum();
        sink.send(ExportPart::End).await?;
        let after = client.count(&name, &info).await?;
        exported.remarks.extend(judge(&name, written, (before, after))?);
        exported.remarks.extend(lossy(&name, &info));
        task.finish(&format!("exported collection `{name}` ({})", crate::units::count(written, "point")));
    }
    Ok(exported)
}

/// Points that wait for an index are missing from responses of the server, but are in its snapshots
/// (`prevent_unoptimized`, 1.17).
fn everything_shows(name: &str, info: &Value) -> anyhow::Result<()> {
    match info["update_queue"]["deferred_points"].as_u64() {
        Some(hidden) if hidden > 0 => bail!(
            "collection `{name}` has {} that the server does not return until they are indexed: wait, or use `--format snapshot`, which includes them",
            crate::units::count(hidden, "point")
        ),
        _ => Ok(()),
    }
}

/// Whether as many points were exported as were counted. Points that were written or deleted during the export may be
/// in it or not.
fn judge(name: &str, written: u64, (before, after): (u64, u64)) -> anyhow::Result<Option<String>> {
    let (least, most) = (before.min(after), before.max(after));
    if written < least || written > most {
        bail!(
            "{written} points of collection `{name}` were read, but it has {least}: the export is incomplete"
        );
    }
    Ok((before != after).then(|| {
        format!("collection `{name}` was written to during the export: {before} points before, {after} after, {written} exported")
    }))
}

/// A vector type that changes a little each time it is read and written (1.19).
fn lossy(name: &str, info: &Value) -> Option<String> {
    let config = info["config"]["params"].to_string();
    config.contains("\"turbo4\"").then(|| {
        format!("collection `{name}` stores vectors as `turbo4`, which an export contains only approximately; a snapshot contains them exactly")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_that_does_not_fit_ends_it() {
        assert_eq!(judge("a", 50, (50, 50)).expect("right"), None);
        for wrong in [49, 51] {
            assert!(judge("a", wrong, (50, 50)).is_err(), "{wrong}");
        }
        for (before, after) in [(50, 53), (53, 50)] {
            assert!(judge("a", 51, (before, after)).expect("right").is_some());
            assert!(judge("a", 49, (before, after)).is_err() && judge("a", 54, (before, after)).is_err());
        }
    }

    #[test]
    fn points_that_do_not_show_end_it() {
        assert!(everything_shows("a", &json!({ "update_queue": { "length": 0 } })).is_ok());
        assert!(everything_shows("a", &json!({ "update_queue": { "deferred_points": 0 } })).is_ok());
        let error =
            everything_shows("a", &json!({ "update_queue": { "deferred_points": 2 } })).expect_err("hidden");
        assert!(error.to_string().contains("2 points"), "{error}");
    }

    #[test]
    fn a_lossy_type_is_told() {
        let info = |datatype: &str| json!({ "config": { "params": { "vectors": { "size": 4, "datatype": datatype } } } });
        assert!(lossy("a", &info("turbo4")).is_some());
        assert!(lossy("a", &info("float16")).is_none());
    }
}
