//! The configuration of holder containers: the minimum that an engine allows.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    RestartPolicy, RestartPolicyNameEnum,
};

use crate::engine::Holder;

/// Bytes. The container runtime counts towards the limit until the program has started.
const MEMORY: i64 = 32 * 1024 * 1024;

/// Threads, including those of the container runtime.
const PROCESSES: i64 = 32;

/// The body of the create request. `labels` override labels of the image.
pub(super) fn body(holder: &Holder, mut labels: HashMap<String, String>) -> ContainerCreateBody {
    labels.extend(holder.labels.clone());
    ContainerCreateBody {
        image: Some(holder.image.clone()),
        labels: Some(labels),
        network_disabled: Some(true),
        // The first process of a container ignores `SIGTERM`.
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
            // Restarts with the engine, even if it was stopped before.
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
            // Neither an unreachable log server nor a missing `init` program may prevent the start.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            init: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    }
}
