//! Volumes that a project declares.

use crate::lint::loader::as_pairs;
use crate::lint::yaml::{YamlNode, YamlScalar, YamlValue};

/// A key under the top-level `volumes:`.
#[derive(Debug)]
pub(crate) struct LintVolume {
    pub key: YamlScalar,
    pub external: bool,
    pub name: Option<YamlScalar>,
    pub driver: Option<YamlScalar>,
    pub options: Vec<(YamlScalar, Option<YamlScalar>)>,
}

impl LintVolume {
    pub(super) fn read(key: YamlScalar, node: &YamlNode) -> Self {
        let text = |name: &str| node.get(name).and_then(YamlNode::as_scalar).cloned();
        let external = match node.get("external").map(|external| &external.value) {
            Some(YamlValue::Scalar(word)) => word.as_bool().unwrap_or(true),
            Some(YamlValue::Map(_)) => true,
            Some(YamlValue::Null | YamlValue::List(_)) | None => false,
        };
        let old_name = || node.get("external")?.get("name")?.as_scalar().cloned();
        Self {
            external,
            name: text("name").or_else(old_name),
            driver: text("driver"),
            options: node.get("driver_opts").map(as_pairs).unwrap_or_default(),
            key,
        }
    }

    /// The value of a driver option.
    pub(crate) fn option(&self, name: &str) -> Option<&YamlScalar> {
        self.options.iter().find(|(key, _)| key.as_str() == name).and_then(|(_, value)| value.as_ref())
    }
}
