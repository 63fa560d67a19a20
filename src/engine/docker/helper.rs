//! The configuration of helper containers, which give access to volumes.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};

use super::{blank_compose_labels, wire};
use crate::engine::{HELPER_LABEL, Helper, OWNER_LABEL, owner};

/// The body of the create request.
pub(super) fn body(helper: &Helper, image: &wire::ImageInspect) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(helper.image.clone()),
        // Never runs, but the engine requires a command.
        cmd: Some(vec!["safe-compose-helper".to_owned()]),
        labels: Some(labels(image)),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(mounts(helper, image)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The volumes, and a tmpfs at every `VOLUME` of the image, so that a helper never leaves an anonymous volume behind.
fn mounts(helper: &Helper, image: &wire::ImageInspect) -> Vec<Mount> {
    let volumes = helper.volumes.iter().map(|(name, destination)| Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name.clone()),
        target: Some(destination.to_string_lossy().into_owned()),
        // An empty volume stays empty: files of the image at this path are not the volume's data.
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..Default::default() }),
        ..Default::default()
    });
    let covers = image
        .volumes()
        .filter(|path| helper.volumes.iter().all(|(_, destination)| destination != Path::new(path)))
        .map(cover);
    volumes.chain(covers).collect()
}

/// The labels of a temporary container of an image.
pub(super) fn labels(image: &wire::ImageInspect) -> HashMap<String, String> {
    let mut labels = blank_compose_labels(image);
    labels.insert(HELPER_LABEL.to_owned(), "true".to_owned());
    labels.insert(OWNER_LABEL.to_owned(), owner());
    labels
}

/// A tmpfs at a `VOLUME` of the image, where the engine would create an anonymous volume.
pub(super) fn cover(path: &str) -> Mount {
    Mount { typ: Some(MountType::TMPFS), target: Some(path.to_owned()), ..Default::default() }
}
