//! Lists of `KEY=value`, such as `environment:`, which may also be written as mappings.

use granit_parser::ScalarStyle;

use crate::lint::yaml::{YamlEntry, YamlNode, YamlScalar, YamlValue};

/// The keys and values of a list of `KEY=value`, or of a mapping.
pub(in crate::lint) fn as_pairs(node: &YamlNode) -> Vec<(YamlScalar, Option<YamlScalar>)> {
    let pairs = pairs(node.clone());
    pairs.entries().iter().map(|entry| (entry.key.clone(), entry.value.as_scalar().cloned())).collect()
}

/// A list of `KEY=value` as a mapping; a mapping unchanged.
pub(super) fn pairs(node: YamlNode) -> YamlNode {
    let YamlValue::List(items) = node.value else { return node };
    let entries = items
        .into_iter()
        .filter_map(|item| {
            let text = item.as_scalar()?.clone();
            let (name, value) = match text.as_str().split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (text.as_str().to_owned(), None),
            };
            let value = match value {
                // What follows the `=` is a string, even if it looks like a number.
                Some(value) => YamlNode::scalar(YamlScalar {
                    text: value.into(),
                    style: ScalarStyle::DoubleQuoted,
                    ..text.clone()
                }),
                None => YamlNode::null(item.span),
            };
            Some(YamlEntry { key: YamlScalar { text: name.into(), ..text }, value })
        })
        .collect();
    YamlNode { span: node.span, value: YamlValue::Map(entries), directive: node.directive }
}
