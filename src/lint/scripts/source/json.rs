//! The scripts of a `package.json`. JSON is YAML, so one reader serves both.

use super::{Script, yaml};

pub(super) fn scripts(text: &str) -> Vec<Script> {
    let root = yaml::read(text);
    let scripts = root.as_ref().and_then(|root| root.get("scripts"));
    let values = scripts.into_iter().flat_map(yaml::Node::entries).flat_map(|(_, value)| {
        // Composer allows a list.
        std::iter::once(value).chain(value.items())
    });
    values.filter_map(yaml::Node::scalar).map(|text| Script::new(text.clone())).collect()
}
