//! Manifests, and `SHA256SUMS`.

use std::path::Path;

use super::stays_inside;
use crate::backup::manifest::{Artifact, ArtifactContents, FORMAT_VERSION, Manifest};
use crate::backup::store::{check, sums};

pub(super) fn run(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes) {
        check_manifest(&manifest);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_sums(text);
    }
}

/// Written again it is read the same, and no file that verification accepts is elsewhere.
fn check_manifest(manifest: &Manifest) {
    // What is written has the current version.
    let written = Manifest { format_version: FORMAT_VERSION, ..manifest.clone() };
    let read = Manifest::parse(&written.to_bytes());
    assert_eq!(read.expect("what was written is read"), written);
    for artifact in &manifest.artifacts {
        let path = Path::new(&artifact.path);
        let is_inside = path.file_name().is_some() && stays_inside(path);
        assert!(is_inside || !check::stays_inside(&artifact.path), "{} is accepted", artifact.path);
    }
    for name in manifest.collections() {
        let _ = (manifest.shards(name), manifest.incremental_chain(name));
    }
    let _ = manifest.is_doubtful();
}

fn check_sums(text: &str) {
    let Ok(sums) = sums::read(text) else { return };
    let artifact = |(path, sha256): (&String, &String)| Artifact {
        path: path.clone(),
        bytes: 0,
        sha256: sha256.clone(),
        contents: ArtifactContents::Note,
    };
    let artifacts: Vec<Artifact> = sums.iter().map(artifact).collect();
    assert_eq!(sums::read(&sums::write(&artifacts)).expect("what was written is read"), sums);
}
