//! The images of our own containers, built here so that nothing has to be pulled. Each contains one program: that of
//! holders waits, that of movers moves files. Helper containers use the first if the engine does not have the service's
//! image any more.
//!
//! The format is that of `docker save`: the layer, the configuration named by its digest, and `manifest.json`. The bytes
//! depend on the architecture only, so loading an image again changes nothing.

mod elf;
mod mover;
mod pause;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Engine, EngineError};

pub use mover::{INCOMPLETE, MoveList, Operation};

/// The image reference for holders. The tag changes with the contents.
pub const REFERENCE: &str = "safe-compose-holder:1";

/// The image reference for movers. The tag changes with the contents.
pub const MOVER_REFERENCE: &str = "safe-compose-mover:1";

/// Where a holder container mounts its volume.
pub const MOUNT_POINT: &str = "/held";

/// An image, apart from the architecture.
struct OwnImage {
    reference: &'static str,
    /// The name of the program in it.
    name: &'static str,
    user: &'static str,
    program: fn(&str) -> Option<Vec<u8>>,
}

const HOLDER: OwnImage =
    OwnImage { reference: REFERENCE, name: "pause", user: "65534:65534", program: pause::program };

/// Files belong to any user, so only root can move all of them.
const MOVER: OwnImage =
    OwnImage { reference: MOVER_REFERENCE, name: "mover", user: "0:0", program: mover::program };

/// Loads the image of holders into an engine and returns its reference.
pub async fn load(engine: &dyn Engine) -> Result<&'static str, LoadError> {
    HOLDER.load(engine).await
}

/// Loads the image of movers into an engine and returns its reference.
pub async fn load_mover(engine: &dyn Engine) -> Result<&'static str, LoadError> {
    MOVER.load(engine).await
}

/// Why the image could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("architecture `{0}` is not supported by the built-in images")]
    Architecture(String),
}

impl OwnImage {
    async fn load(&self, engine: &dyn Engine) -> Result<&'static str, LoadError> {
        let architecture = engine.architecture().await?;
        let image = self.for_architecture(&architecture).ok_or(LoadError::Architecture(architecture))?;
        engine.load_image(image).await?;
        Ok(self.reference)
    }

    /// The image for an architecture, by the engine's or the kernel's name; `None` if it is not supported.
    fn for_architecture(&self, name: &str) -> Option<Vec<u8>> {
        let architecture = match name {
            "x86_64" | "amd64" => "amd64",
            "aarch64" | "arm64" => "arm64",
            "i386" | "i486" | "i586" | "i686" | "386" => "386",
            "arm" | "armhf" | "armv6l" | "armv7l" | "armv8l" => "arm",
            _ => return None,
        };
        let program = (self.program)(architecture)?;
        Some(self.pack(architecture, &program).expect("writing a tar archive to memory does not fail"))
    }

    fn pack(&self, architecture: &str, program: &[u8]) -> std::io::Result<Vec<u8>> {
        let layer = self.layer(program)?;
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Entrypoint": [format!("/{}", self.name)],
                "User": self.user,
                // The first process of a container ignores `SIGTERM`; `SIGKILL` stops it at once.
                "StopSignal": "SIGKILL",
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer))] },
        })
        .to_string();
        let config_name = format!("{}.json", digest(config.as_bytes()));
        let manifest =
            json!([{ "Config": config_name, "RepoTags": [self.reference], "Layers": ["layer.tar"] }])
                .to_string();
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

    fn layer(&self, program: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        let directory = MOUNT_POINT.trim_start_matches('/').to_owned() + "/";
        tar.append_data(&mut header(tar::EntryType::Directory, 0o755, &[]), directory, std::io::empty())?;
        tar.append_data(&mut header(tar::EntryType::Regular, 0o555, program), self.name, program)?;
        tar.into_inner()
    }
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
    fn every_name_in_the_image_is_the_digest_of_its_content() {
        let machines = ["x86_64", "aarch64", "i686", "armv7l"];
        for (own, machine) in [HOLDER, MOVER].iter().flat_map(|own| machines.map(|machine| (own, machine))) {
            let image = own.for_architecture(machine).expect("known");
            assert_eq!(image, own.for_architecture(machine).expect("known"), "the same bytes each time");
            let files = files(&image);
            let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
            let config_name = manifest[0]["Config"].as_str().expect("a name");
            assert_eq!(config_name, format!("{}.json", digest(&files[config_name])));
            let config: serde_json::Value = serde_json::from_slice(&files[config_name]).expect("JSON");
            let layer = &files[manifest[0]["Layers"][0].as_str().expect("a name")];
            assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", digest(layer)));
            assert_eq!(config["config"]["Labels"], serde_json::Value::Null, "no label to inherit");
            assert_eq!(&super::tests::files(layer)[own.name][..4], b"\x7fELF");
        }
        assert!(HOLDER.for_architecture("s390x").is_none());
    }
}
