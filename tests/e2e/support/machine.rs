//! What this machine has: an engine, Composes, a Qdrant image. Where something is missing, the test is skipped or fails
//! (`tests/requirements.rs`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::bare::docker;
use super::scratch::{Compose, docker_can};
use crate::requirements::{missing, unavailable};

const PLUGIN_FOLDERS: &[&str] = &[
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// The real Compose of one kind. V1 is no longer packaged everywhere, so it is never required.
pub fn compose(kind: Compose) -> Option<PathBuf> {
    if !engine() {
        return None;
    }
    let found = match kind {
        Compose::V2 => std::env::var_os("SAFE_COMPOSE_TEST_COMPOSE_V2").map(PathBuf::from).or_else(|| {
            PLUGIN_FOLDERS
                .iter()
                .map(|folder| Path::new(folder).join("docker-compose"))
                .find(|path| is_version(path, "2"))
        }),
        Compose::V2Older => std::env::var_os("SAFE_COMPOSE_TEST_COMPOSE_V2_OLDER")
            .map(PathBuf::from)
            .filter(|path| is_version(path, "2")),
        Compose::V1 => std::env::var_os("SAFE_COMPOSE_TEST_COMPOSE_V1")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from("/usr/bin/docker-compose")).filter(|path| is_version(path, "1"))),
    };
    if found.is_none() {
        let what = format!("there is no Compose {kind:?} here");
        match kind {
            Compose::V2 | Compose::V2Older => missing(&what),
            Compose::V1 => unavailable(&what),
        }
    }
    found
}

fn is_version(path: &Path, major: &str) -> bool {
    Command::new(path).args(["version", "--short"]).output().is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .trim_start_matches('v')
            .starts_with(&format!("{major}."))
    })
}

/// Qdrant's image, or the stand-in's.
pub fn qdrant_image() -> Option<String> {
    let named = std::env::var("QDRANT_IMAGE").ok();
    let found = named.or_else(|| {
        ["qdrant/qdrant:v1.19.0", "qdrant-stand-in:v1.19.0"]
            .into_iter()
            .find(|image| docker_can(&["image", "inspect", image]))
            .map(str::to_owned)
    });
    if found.is_none() {
        missing("there is neither Qdrant's image nor the stand-in (tests/doubles/qdrant/image/build)");
    }
    found
}

/// Whether an engine answers.
pub fn engine() -> bool {
    let answers = docker_can(&["info"]);
    if !answers {
        missing("no Docker Engine answers");
    }
    answers
}

/// The minor number of the engine's newest API version: 41 for 1.41.
pub fn api_minor() -> u32 {
    static MINOR: OnceLock<u32> = OnceLock::new();
    let ask = || minor(&docker(&["version", "--format", "{{.Server.APIVersion}}"]).expect("a version"));
    *MINOR.get_or_init(ask)
}

fn minor(api_version: &str) -> u32 {
    api_version.trim_start_matches("1.").parse().expect("a version like 1.41")
}

/// Whether the engine keeps its images in containerd.
pub fn images_in_containerd() -> bool {
    docker(&["info", "--format", "{{.DriverStatus}}"]).expect("told").contains("snapshotter")
}

/// What the real V1 needs in its environment to make a container anew on this engine.
pub fn needed_by_v1() -> Option<(&'static str, &'static str)> {
    (api_minor() > 44).then_some(("COMPOSE_API_VERSION", "1.44"))
}

/// The words that prune named volumes too, on an engine of this API version: before 1.42 that is what `prune` does
/// anyway, and the flag is unknown.
pub fn prune_every_volume(api_version: &str) -> Vec<&'static str> {
    let all = (minor(api_version) >= 42).then_some("--all");
    ["volume", "prune", "--force"].into_iter().chain(all).collect()
}

pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
