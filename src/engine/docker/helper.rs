//! What a helper is made of: a way to its mounts.

use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};

use super::{blanked, wire};
use crate::engine::{HELPER_LABEL, Helper};

/// The request.
pub(super) fn body(helper: &Helper, image: &wire::Image) -> ContainerCreateBody {
    let mut labels = blanked(image);
    labels.insert(HELPER_LABEL.to_owned(), "true".to_owned());
    ContainerCreateBody {
        image: Some(helper.image.clone()),
        // Never run; but a container has to have something to run.
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

/// Its volumes, and a memory file system wherever the image would get a volume of its own,
/// so that making a helper never leaves a volume behind.
fn mounts(helper: &Helper, image: &wire::Image) -> Vec<Mount> {
    let volumes = helper.volumes.iter().map(|(name, destination)| Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name.clone()),
        target: Some(destination.to_string_lossy().into_owned()),
        // An empty volume stays empty: what the image has at that path is not data.
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
