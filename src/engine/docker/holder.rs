//! What a holder is made of: as little as an engine allows.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    RestartPolicy, RestartPolicyNameEnum,
};

use crate::engine::Holder;

/// Enough for the program that starts containers, which is counted in here until ours has taken its place.
const MEMORY: i64 = 32 * 1024 * 1024;

/// The same, for threads.
const PROCESSES: i64 = 32;

/// The request. `labels` are what has to be taken away of the image's.
pub(super) fn body(holder: &Holder, mut labels: HashMap<String, String>) -> ContainerCreateBody {
    labels.extend(holder.labels.clone());
    ContainerCreateBody {
        image: Some(holder.image.clone()),
        labels: Some(labels),
        network_disabled: Some(true),
        // The first process of a container is deaf to the usual signal.
        stop_signal: Some("SIGKILL".to_owned()),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(vec![Mount {
                typ: Some(MountType::VOLUME),
                source: Some(holder.volume.clone()),
                target: Some(holder.mount_point.to_string_lossy().into_owned()),
                read_only: Some(true),
                volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..Default::default() }),
                ..Default::default()
            }]),
            // It comes back with the engine, even if it was stopped before.
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::ALWAYS),
                maximum_retry_count: None,
            }),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            memory: Some(MEMORY),
            memory_swap: Some(MEMORY),
            pids_limit: Some(PROCESSES),
            // A log server that is away must not keep it from starting, nor must an `init` that is missing.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            init: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    }
}
