//! The scripts of a `package.json`. JSON is YAML, so one reader serves both.

use super::script::Script;
use super::yaml_script;
use crate::lint::yaml::YamlNode;

pub(super) fn scripts(text: &str) -> Vec<Script> {
    let root = yaml_script::read(text);
    let scripts = root.as_ref().and_then(|root| root.get("scripts")).map(YamlNode::entries);
    let values = scripts.unwrap_or_default().iter().flat_map(|entry| {
        // Composer allows a list.
        std::iter::once(&entry.value).chain(entry.value.items())
    });
    values.filter_map(|value| yaml_script::mapped(text, value)).map(Script::new).collect()
}
