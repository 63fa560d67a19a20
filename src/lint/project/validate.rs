//! What Compose would refuse in a merged project: keys that it does not know, and values of the wrong type.

use super::shape::{MOUNT, SERVICE, Shape, TOP_LEVEL, VOLUME, type_name};
use crate::lint::finding::LintSeverity;
use crate::lint::loader::{LoadProblem, REFUSED};
use crate::lint::yaml::{YamlEntry, YamlNode, YamlScalar, YamlValue};

/// The entries of a top-level section.
pub(super) fn section<'a>(root: &'a YamlNode, name: &str) -> impl Iterator<Item = &'a YamlEntry> + use<'a> {
    let entries = root.get(name).map(YamlNode::entries).unwrap_or_default();
    entries.iter().filter(|entry| !entry.key.as_str().starts_with("x-"))
}

pub(super) fn check_top_level(root: &YamlNode, problems: &mut Vec<LoadProblem>) {
    match &root.value {
        YamlValue::Map(_) => {}
        // An empty file, or one that could not be read, which is reported already.
        YamlValue::Null => {
            if problems.is_empty() {
                problems.push(LoadProblem::compose(root.span, "the Compose file is empty", REFUSED));
            }
            return;
        }
        YamlValue::Scalar(_) | YamlValue::List(_) => {
            problems.push(LoadProblem::compose(
                root.span,
                "this is not a Compose file: the document must be a mapping",
                REFUSED,
            ));
            return;
        }
    }
    for entry in unknown_keys(root, TOP_LEVEL) {
        let message = format!("Compose does not know the top-level key `{}`", entry.key.as_str());
        let help = if root.get("services").is_none() {
            "Put the services under `services:`. Compose V2 refuses files of the first format, which have none."
        } else {
            REFUSED
        };
        problems.push(LoadProblem::compose(entry.key.span, message, help));
    }
    check_types(root, TOP_LEVEL, "", problems);
    for section in ["services", "networks", "volumes", "secrets", "configs"] {
        for entry in self::section(root, section) {
            let name = entry.key.as_str();
            let sound = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
            if name.is_empty() || !name.chars().all(sound) {
                let message = format!("`{name}` cannot be the name of an entry in `{section}`");
                let help = "Compose refuses this file. Names have letters, digits, `.`, `_` and `-`.";
                problems.push(LoadProblem::compose(entry.key.span, message, help));
            }
        }
    }
}

/// Reports what is wrong with a service. Whether it can be read.
pub(super) fn check_service(entry: &YamlEntry, problems: &mut Vec<LoadProblem>) -> bool {
    let name = entry.key.as_str();
    let YamlValue::Map(_) = &entry.value.value else {
        let message = format!("service `{name}` must be a mapping");
        problems.push(LoadProblem::compose(entry.key.span, message, REFUSED));
        return false;
    };
    for field in unknown_keys(&entry.value, SERVICE) {
        let message = format!("Compose does not know the key `{}` in a service", field.key.as_str());
        let mut problem = LoadProblem::compose(field.key.span, message, "Compose may refuse this file.");
        problem.severity = LintSeverity::Warning;
        problems.push(problem);
    }
    let path = format!("services.{name}.");
    check_types(&entry.value, SERVICE, &path, problems);
    for mount in entry.value.get("volumes").map(YamlNode::items).unwrap_or_default() {
        check_mount(mount, &format!("{path}volumes."), problems);
    }
    true
}

fn check_mount(mount: &YamlNode, path: &str, problems: &mut Vec<LoadProblem>) {
    const TYPES: [&str; 6] = ["bind", "volume", "tmpfs", "cluster", "npipe", "image"];
    let mut refuse = |message: String| problems.push(LoadProblem::compose(mount.span, message, REFUSED));
    if let Some(short) = mount.as_scalar() {
        let fields: Vec<&str> = short.as_str().split(':').collect();
        let drive = fields[0].len() == 1 && fields.len() > 1;
        if short.is_known() && short.as_str().trim().is_empty() {
            refuse("this mount is empty".to_owned());
        } else if short.is_known() && fields.iter().any(|field| field.is_empty()) {
            refuse(format!("a part of the mount `{}` is empty", short.as_str()));
        } else if short.is_known() && !drive && fields.len() > 3 {
            refuse(format!("the mount `{}` has too many parts", short.as_str()));
        }
        return;
    }
    if let YamlValue::Map(_) = mount.value {
        let text = |key: &str| mount.get(key).and_then(YamlNode::as_scalar);
        match text("type") {
            None => refuse("this mount has no `type`".to_owned()),
            Some(kind) if kind.is_known() && !TYPES.contains(&kind.as_str()) => {
                refuse(format!("`{}` is no type of a mount", kind.as_str()));
            }
            Some(kind) if kind.as_str() == "bind" && text("source").is_none_or(is_empty) => {
                refuse("this bind mount has no `source`".to_owned());
            }
            Some(_) => {}
        }
        if text("target").is_none_or(is_empty) {
            refuse("this mount has no `target`".to_owned());
        }
        for field in unknown_keys(mount, MOUNT) {
            refuse(format!("Compose does not know the key `{}` in a mount", field.key.as_str()));
        }
        check_types(mount, MOUNT, path, problems);
    }
}

fn is_empty(text: &YamlScalar) -> bool {
    text.is_known() && text.as_str().is_empty()
}

/// Reports what is wrong with a volume under the top-level `volumes:`.
pub(super) fn check_volume(entry: &YamlEntry, problems: &mut Vec<LoadProblem>) {
    let path = format!("volumes.{}", entry.key.as_str());
    if let Some((node, wanted)) = Shape::MapOrNull.mismatch(&entry.value) {
        problems.push(wrong_type(&path, node, wanted));
        return;
    }
    for field in unknown_keys(&entry.value, VOLUME) {
        let message = format!("Compose does not know the key `{}` in a volume", field.key.as_str());
        problems.push(LoadProblem::compose(field.key.span, message, REFUSED));
    }
    check_types(&entry.value, VOLUME, &format!("{path}."), problems);
    let external = match entry.value.get("external").map(|external| &external.value) {
        Some(YamlValue::Scalar(flag)) => flag.as_bool() == Some(true),
        Some(YamlValue::Map(_)) => true,
        Some(YamlValue::Null | YamlValue::List(_)) | None => false,
    };
    if external {
        for key in ["driver", "driver_opts", "labels"] {
            if let Some(field) = entry.value.entry(key) {
                let message = format!("an external volume cannot have `{key}`");
                problems.push(LoadProblem::compose(field.key.span, message, REFUSED));
            }
        }
    }
}

fn unknown_keys<'a>(
    node: &'a YamlNode,
    known: &'static [(&'static str, Shape)],
) -> impl Iterator<Item = &'a YamlEntry> {
    let is_known = |key: &str| key.starts_with("x-") || known.iter().any(|(name, _)| *name == key);
    node.entries().iter().filter(move |entry| !is_known(entry.key.as_str()))
}

fn check_types(
    node: &YamlNode,
    known: &[(&'static str, Shape)],
    path: &str,
    problems: &mut Vec<LoadProblem>,
) {
    for (key, shape) in known {
        if let Some(value) = node.get(key)
            && let Some((wrong, wanted)) = shape.mismatch(value)
        {
            problems.push(wrong_type(&format!("{path}{key}"), wrong, wanted));
        }
    }
}

fn wrong_type(path: &str, node: &YamlNode, wanted: &str) -> LoadProblem {
    let message = format!("`{path}` must be {wanted}, but it is {}", type_name(node));
    LoadProblem::compose(node.span, message, REFUSED)
}
