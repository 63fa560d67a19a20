//! Volumes whose definition in the file differs from the one they were created with.
//!
//! Compose 2.40 puts a digest of the definition on each volume, as a label. If it differs, `up`, `create` and `run`
//! offer to delete and recreate the volume; with `--yes` they do it without asking. Older versions write no digest, and
//! 2.40 ignores volumes without one (measured).

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::context::HazardContext;
use crate::compose::grammar::Grammar;
use crate::compose::model::VolumeDeclaration;
use crate::engine::Volume;

const HASH_LABEL: &str = "com.docker.compose.config-hash";

/// Whether Compose 2.40 finds that a volume does not match its definition.
fn differs(declared: &VolumeDeclaration, volume: &Volume) -> bool {
    !declared.external
        && declared.name == volume.name
        && volume.labels.get(HASH_LABEL).is_some_and(|made_with| *made_with != hash(declared))
}

/// The volumes that the command would offer to recreate.
pub(super) fn offered<'a>(cx: &HazardContext<'a>) -> Vec<&'a str> {
    if cx.grammar == Grammar::V1 || cx.label_mode {
        return Vec::new();
    }
    if !cx.reading.creates_containers() {
        return Vec::new();
    }
    let used = |key: &str| {
        cx.file().into_iter().flat_map(|model| model.services.values()).any(|service| {
            let mounts = service.mounts.iter().any(|mount| {
                matches!(&mount.source, crate::compose::model::DeclaredSource::Named { key: named, .. } if named == key)
            });
            // The container that `run` creates has the volumes of its service.
            mounts && (cx.role(&service.name).is_some() || cx.reading.operands.first() == Some(&service.name))
        })
    };
    cx.file()
        .into_iter()
        .flat_map(|model| &model.volumes)
        .filter(|(key, _)| used(key))
        .filter_map(|(_, declared)| {
            let volume = cx.volume(&declared.name)?;
            differs(declared, volume).then_some(volume.name.as_str())
        })
        .collect()
}

/// The volumes that the command recreates without asking.
pub(super) fn recreated<'a>(cx: &HazardContext<'a>) -> Vec<&'a str> {
    if cx.reading.is_set("yes") { offered(cx) } else { Vec::new() }
}

#[derive(Serialize)]
struct Definition<'a> {
    name: &'a str,
    driver: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    driver_opts: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
}

/// Compose's digest of a definition (`VolumeHash` of 2.40.3, verified on labels and driver options).
fn hash(declared: &VolumeDeclaration) -> String {
    let definition = Definition {
        name: &declared.name,
        driver: declared.driver.as_deref().filter(|driver| !driver.is_empty()).unwrap_or("local"),
        driver_opts: &declared.driver_opts,
        labels: &declared.labels,
    };
    let json = serde_json::to_string(&definition).expect("maps of texts serialise");
    hex::encode(Sha256::digest(as_go_prints(&json)))
}

/// Go escapes some characters of a JSON text that serde_json does not.
fn as_go_prints(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, letter| {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            }
            letter => text.push(letter),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(name: &str, labels: &[(&str, &str)], options: &[(&str, &str)]) -> VolumeDeclaration {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        VolumeDeclaration {
            name: name.into(),
            driver_opts: map(options),
            labels: map(labels),
            ..VolumeDeclaration::default()
        }
    }

    #[test]
    fn the_digest_is_the_one_that_compose_writes() {
        let labelled = hash(&declared("exp5c240_data", &[("l", "1")], &[]));
        assert!(labelled.starts_with("a8fed121") && labelled.ends_with("f7a6"), "{labelled}");
        let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")];
        let optioned = hash(&declared("exp5c240_data", &[], &options));
        assert!(optioned.starts_with("817776fe") && optioned.ends_with("14df"), "{optioned}");
    }

    #[test]
    fn go_escapes_what_could_be_markup() {
        assert_eq!(as_go_prints("\"a<b>&\\n\""), "\"a\\u003cb\\u003e\\u0026\\n\"");
    }

    #[test]
    fn only_a_volume_with_another_digest_differs() {
        let data = declared("d", &[("l", "1")], &[]);
        let volume = |digest: Option<String>| Volume {
            name: "d".into(),
            driver: "local".into(),
            options: BTreeMap::new(),
            labels: digest.map(|digest| (HASH_LABEL.to_owned(), digest)).into_iter().collect(),
            created: None,
            mountpoint: std::path::PathBuf::new(),
            identity: None,
        };
        assert!(!differs(&data, &volume(Some(hash(&data)))));
        assert!(!differs(&data, &volume(None)), "made by something older");
        assert!(differs(&data, &volume(Some("00".into()))));
        let external = VolumeDeclaration { external: true, ..data };
        assert!(!differs(&external, &volume(Some("00".into()))));
    }
}
