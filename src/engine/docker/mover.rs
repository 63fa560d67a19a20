//! Movers: containers that move and remove files in one place, as root, and can do nothing else.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
};
use bollard::query_parameters::{StartContainerOptions, WaitContainerOptionsBuilder};
use futures_util::StreamExt as _;

use super::{DockerEngine, UPLOAD_TIMEOUT};
use crate::engine::{EngineError, HELPER_LABEL, Mover, MoverSource, OWNER_LABEL, Result, owner};

/// The body of the create request.
pub(super) fn body(mover: &Mover) -> ContainerCreateBody {
    let (typ, source, volume_options) = match &mover.source {
        MoverSource::Volume(name) => {
            let options = MountVolumeOptions { no_copy: Some(true), ..Default::default() };
            (MountType::VOLUME, name.clone(), Some(options))
        }
        MoverSource::Directory(path) => (MountType::BIND, path.to_string_lossy().into_owned(), None),
    };
    ContainerCreateBody {
        image: Some(mover.image.clone()),
        cmd: Some(vec![mover.list.to_string_lossy().into_owned()]),
        labels: Some(HashMap::from([
            (HELPER_LABEL.to_owned(), "true".to_owned()),
            (OWNER_LABEL.to_owned(), owner()),
        ])),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(vec![Mount {
                typ: Some(typ),
                source: Some(source),
                target: Some(mover.mount_point.to_string_lossy().into_owned()),
                volume_options,
                ..Default::default()
            }]),
            // Files of any owner and mode, also in directories with the sticky bit.
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(vec!["DAC_OVERRIDE".to_owned(), "FOWNER".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            // Neither an unreachable log server nor a missing `init` program may prevent the start.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            init: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Starts a mover and waits for its end.
pub(super) async fn run(engine: &DockerEngine, id: &str) -> Result<i64> {
    let container = engine.container(id).await?;
    let container = container.ok_or_else(|| EngineError::NotFound { what: format!("container `{id}`") })?;
    if !container.is_helper() {
        return Err(EngineError::Refused {
            action: format!("start container `{id}`"),
            source: anyhow::anyhow!("not a helper container of safe-compose"),
        });
    }
    let client = engine.api.client();
    let failed = |error| engine.errors.request("run a mover container", error);
    client.start_container(&container.id, None::<StartContainerOptions>).await.map_err(failed)?;
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    let waiting = client.clone().with_timeout(UPLOAD_TIMEOUT);
    match waiting.wait_container(&container.id, Some(options)).next().await {
        Some(Ok(ended)) => Ok(ended.status_code),
        // bollard makes an error of an exit code that is not 0.
        Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(failed(error)),
        None => Err(EngineError::Refused {
            action: "run a mover container".to_owned(),
            source: anyhow::anyhow!("the engine did not report its exit code"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mover_gets_one_place_and_no_more_rights_than_it_needs() {
        let mover = |source| Mover {
            image: "m".into(),
            source,
            mount_point: "/held".into(),
            list: "/held/list".into(),
        };
        let body = body(&mover(MoverSource::Volume("v".into())));
        let host = body.host_config.expect("a host configuration");
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!((host.cap_drop, host.binds, host.privileged), (Some(vec!["ALL".into()]), None, None));
        let mounts = host.mounts.expect("a mount");
        assert_eq!(
            (mounts.len(), mounts[0].typ, mounts[0].source.as_deref()),
            (1, Some(MountType::VOLUME), Some("v"))
        );
        let body = super::body(&mover(MoverSource::Directory("/srv/x".into())));
        let mounts = body.host_config.and_then(|host| host.mounts).expect("a mount");
        assert_eq!((mounts[0].typ, mounts[0].source.as_deref()), (Some(MountType::BIND), Some("/srv/x")));
    }
}
