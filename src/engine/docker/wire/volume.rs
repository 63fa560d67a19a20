//! Responses about volumes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::nullable;
use crate::engine as model;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct VolumeList {
    pub(in crate::engine::docker) volumes: Option<Vec<VolumeInspect>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct VolumeInspect {
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    driver: String,
    #[serde(default, deserialize_with = "nullable")]
    mountpoint: PathBuf,
    created_at: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    options: BTreeMap<String, String>,
    usage_data: Option<Usage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    /// -1 if unknown.
    size: i64,
}

impl VolumeInspect {
    pub(in crate::engine::docker) fn into_model(self) -> model::Volume {
        model::Volume {
            name: self.name,
            driver: self.driver,
            options: self.options,
            labels: self.labels,
            created: self.created_at.filter(|time| !time.is_empty()),
            mountpoint: self.mountpoint,
            identity: None,
        }
    }
}

/// `Volumes` up to API 1.51, `VolumeUsage.Items` from 1.52 on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct DiskUsage {
    #[serde(default, deserialize_with = "nullable")]
    volumes: Vec<VolumeInspect>,
    #[serde(default, deserialize_with = "nullable")]
    volume_usage: VolumeUsage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeUsage {
    #[serde(default, deserialize_with = "nullable")]
    items: Vec<VolumeInspect>,
}

impl DiskUsage {
    pub(in crate::engine::docker) fn into_sizes(self) -> BTreeMap<String, u64> {
        self.volumes
            .into_iter()
            .chain(self.volume_usage.items)
            .filter_map(|volume| {
                let size = u64::try_from(volume.usage_data?.size).ok()?;
                Some((volume.name, size))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_read_from_old_and_new_responses() {
        let volume = json!({ "Name": "v", "UsageData": { "Size": 5, "RefCount": 1 }, "Status": { "any": { "x": 1 } } });
        let unknown = json!({ "Name": "w", "UsageData": { "Size": -1, "RefCount": 1 } });
        for answer in [
            json!({ "Volumes": [volume, unknown] }),
            json!({ "VolumeUsage": { "Items": [volume, unknown] } }),
        ] {
            let usage: DiskUsage = serde_json::from_value(answer).expect("readable");
            assert_eq!(usage.into_sizes(), BTreeMap::from([("v".to_owned(), 5)]));
        }
    }
}
