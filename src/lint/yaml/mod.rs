//! YAML as a tree with spans: the one reader for Compose files, workflows, pipelines and `package.json`.

mod node;
mod parse;
mod plain;

pub(crate) use node::{MergeDirective, UnknownReason, YamlEntry, YamlNode, YamlScalar, YamlValue};
pub(super) use parse::{Conformance, parse};
pub(super) use plain::PlainType;
