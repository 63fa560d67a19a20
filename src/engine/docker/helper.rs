//! The configuration of helper containers, which give access to volumes.

use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};

use super::{blank_compose_labels, wire};
use crate::engine::{HELPER_LABEL, Helper, OWNER_LABEL, owner};

/// The body of the create request.
pub(super) fn body(helper: &Helper, image: &wire::ImageInspect) -> ContainerCreateBody {
    let mut labels = blank_compose_labels(image);
    labels.insert(HELPER_LABEL.to_owned(), "true".to_owned());
    labels.insert(OWNER_LABEL.to_owned(), owner());
    ContainerCreateBody {
        image: Some(helper.image.clone()),
        // Never runs, but the engine requires a command.
        cmd: Some(vec!["safe-compose-helper".to_owned()]),
        labels: Some(labels),
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
        .map(|path| Mount {
            typ: Some(MountType::TMPFS),
            target: Some(path.to_owned()),
            ..Default::default()
        });
    volumes.chain(covers).collect()
}
