//! An image of our own: one program that waits, made here, so that nothing has to be pulled. Holders run it, and helpers
//! are made of it where the engine has the service's image no more.
//!
//! Written as `docker save` writes images: the layer, the configuration under its own digest, and `manifest.json`. The
//! same architecture always gives the same bytes, so loading it again changes nothing.

mod pause;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Engine, EngineError};

/// Its name on the engine. The number counts its contents.
pub const REFERENCE: &str = "safe-compose-holder:1";

/// Where a holder mounts its volume.
pub const MOUNT_POINT: &str = "/held";

/// Loads it into an engine, and gives its name.
pub async fn load(engine: &dyn Engine) -> Result<&'static str, LoadError> {
    let machine = engine.architecture().await?;
    let image = for_machine(&machine).ok_or(LoadError::Machine(machine))?;
    engine.load_image(image).await?;
    Ok(REFERENCE)
}

/// Why the image could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the engine's machine is `{0}`, and there is no holder program for it")]
    Machine(String),
}

/// The image for a machine, by the name that the engine or the kernel gives it; `None` where we have no program for it.
pub fn for_machine(machine: &str) -> Option<Vec<u8>> {
    let architecture = match machine {
        "x86_64" | "amd64" => "amd64",
        "aarch64" | "arm64" => "arm64",
        "i386" | "i486" | "i586" | "i686" | "386" => "386",
        "arm" | "armhf" | "armv6l" | "armv7l" | "armv8l" => "arm",
        _ => return None,
    };
    let program = pause::program(architecture)?;
    Some(pack(architecture, &program).expect("a tar in memory can be written"))
}

fn pack(architecture: &str, program: &[u8]) -> std::io::Result<Vec<u8>> {
    let layer = layer(program)?;
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Entrypoint": ["/pause"],
            "User": "65534:65534",
            // The first process of a container is deaf to `SIGTERM`; this stops it at once.
            "StopSignal": "SIGKILL",
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer))] },
    })
    .to_string();
    let config_name = format!("{}.json", digest(config.as_bytes()));
    let manifest =
        json!([{ "Config": config_name, "RepoTags": [REFERENCE], "Layers": ["layer.tar"] }]).to_string();
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in [
        (config_name.as_str(), config.as_bytes()),
        ("layer.tar", &layer),
        ("manifest.json", manifest.as_bytes()),
    ] {
        tar.append_data(&mut header(tar::EntryType::Regular, 0o644, content), name, content)?;
    }
    tar.into_inner()
}

fn layer(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let directory = MOUNT_POINT.trim_start_matches('/').to_owned() + "/";
    tar.append_data(&mut header(tar::EntryType::Directory, 0o755, &[]), directory, std::io::empty())?;
    tar.append_data(&mut header(tar::EntryType::Regular, 0o555, program), "pause", program)?;
    tar.into_inner()
}

fn header(kind: tar::EntryType, mode: u32, content: &[u8]) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn files(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(tar).entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("in memory");
            found.insert(entry.path().expect("a path").display().to_string(), content);
        }
        found
    }

    #[test]
    fn every_name_in_it_is_the_digest_of_what_it_names() {
        for machine in ["x86_64", "aarch64", "i686", "armv7l"] {
            let image = for_machine(machine).expect("known");
            assert_eq!(image, for_machine(machine).expect("known"), "the same bytes each time");
            let files = files(&image);
            let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
            let config_name = manifest[0]["Config"].as_str().expect("a name");
            assert_eq!(config_name, format!("{}.json", digest(&files[config_name])));
            let config: serde_json::Value = serde_json::from_slice(&files[config_name]).expect("JSON");
            let layer = &files[manifest[0]["Layers"][0].as_str().expect("a name")];
            assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", digest(layer)));
            assert_eq!(config["config"]["Labels"], serde_json::Value::Null, "no label to inherit");
            assert_eq!(&super::tests::files(layer)["pause"][..4], b"\x7fELF");
        }
        assert!(for_machine("s390x").is_none());
    }
}
