//! Responses about networks.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::nullable;

/// A network.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::engine::docker) struct NetworkInspect {
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(in crate::engine::docker) labels: BTreeMap<String, String>,
}
