//! Scratch containers: isolated network, limited resources, removed with all data.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, NetworkCreateRequest, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use serde_json::json;

use super::{DockerEngine, api, blank_compose_labels, wire};
use crate::engine::{Container, EngineError, Result, SCRATCH_LABEL, Scratch};

/// The accounting period of CPU time, in microseconds.
const PERIOD: i64 = 100_000;

/// How long a server may take to write everything when it is stopped, in seconds. It is removed without being stopped.
const STOP_TIMEOUT: i64 = 60 * 60;

pub(super) async fn create(engine: &DockerEngine, scratch: &Scratch) -> Result<()> {
    let created = try_create(engine, scratch).await;
    if created.is_err() {
        // The first error is the useful one.
        let _ = remove(engine, &scratch.name).await;
    }
    created
}

async fn try_create(engine: &DockerEngine, scratch: &Scratch) -> Result<()> {
    let errors = &engine.errors;
    let image: wire::ImageInspect =
        engine.api.get_named("/images/", &scratch.image, "/json").await.map_err(|error| {
            errors.lookup(&format!("image `{}`", scratch.image), "inspect an image", error)
        })?;
    let failed = |error| errors.request("create a scratch container", error);
    let name = api::checked(&scratch.name).map_err(failed)?;
    // If the engine has no address pool left for another network, use `none`; a tunnel works there too.
    let network = match engine.api.client().create_network(network(scratch)).await {
        Ok(_) => name,
        Err(_) => "none",
    };
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let client = engine.api.client();
    client
        .create_container(Some(options), body(scratch, network, blank_compose_labels(&image)))
        .await
        .map_err(|error| failed(error.into()))?;
    Ok(())
}

pub(super) async fn start(engine: &DockerEngine, name: &str) -> Result<Container> {
    let missing = || EngineError::NotFound { what: format!("container `{name}`") };
    let created = engine.container(name).await?.ok_or_else(missing)?;
    if !created.is_scratch() || created.name() != name {
        return Err(not_ours("start", name));
    }
    engine
        .api
        .client()
        .start_container(&created.id, None)
        .await
        .map_err(|error| engine.errors.request("start a scratch container", error))?;
    engine.container(&created.id).await?.map(wire::ContainerInspect::into_model).ok_or_else(missing)
}

fn not_ours(action: &str, name: &str) -> EngineError {
    EngineError::Refused {
        action: format!("{action} `{name}`"),
        source: anyhow::anyhow!("not a scratch container of safe-compose"),
    }
}

fn network(scratch: &Scratch) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: scratch.name.clone(),
        driver: Some("bridge".to_owned()),
        internal: Some(true),
        labels: Some(HashMap::from([(SCRATCH_LABEL.to_owned(), scratch.owner.clone())])),
        ..Default::default()
    }
}

/// The body of the create request. `labels` override labels of the image.
fn body(scratch: &Scratch, network: &str, mut labels: HashMap<String, String>) -> ContainerCreateBody {
    labels.insert(SCRATCH_LABEL.to_owned(), scratch.owner.clone());
    let memory = i64::try_from(scratch.limits.memory).unwrap_or(i64::MAX);
    ContainerCreateBody {
        image: Some(scratch.image.clone()),
        cmd: (!scratch.command.is_empty()).then(|| scratch.command.clone()),
        volumes: Some(scratch.volumes.iter().map(|path| path.display().to_string()).collect()),
        env: Some(
            scratch.environment.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect(),
        ),
        labels: Some(labels),
        stop_timeout: Some(STOP_TIMEOUT),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            // Never restarts, not even with the engine.
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            memory: Some(memory),
            memory_swap: Some(memory),
            // Unlike `NanoCpus`, a quota may exceed the number of processors of the host.
            cpu_period: Some(PERIOD),
            cpu_quota: Some(i64::from(scratch.limits.millicpus) * PERIOD / 1000),
            pids_limit: Some(i64::from(scratch.limits.processes)),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Lists containers and networks by label: either may exist without the other.
pub(super) async fn list(engine: &DockerEngine, owner: &str) -> Result<Vec<String>> {
    let filters = json!({ "label": [format!("{SCRATCH_LABEL}={owner}")] }).to_string();
    let containers = engine.containers("label", &format!("{SCRATCH_LABEL}={owner}")).await?;
    let networks: Vec<wire::NetworkInspect> = engine
        .api
        .get("/networks", &[("filters", &filters)])
        .await
        .map_err(|error| engine.errors.request("list networks", error))?;
    let mut names: Vec<String> = containers.into_iter().map(|container| container.name).collect();
    names.extend(networks.into_iter().map(|network| network.name));
    names.sort();
    names.dedup();
    Ok(names)
}

pub(super) async fn remove(engine: &DockerEngine, name: &str) -> Result<()> {
    if let Some(container) = engine.container(name).await? {
        // The engine also matches a prefix of an id.
        if !container.is_scratch() || container.name() != name {
            return Err(not_ours("remove", name));
        }
        // Its anonymous volumes were created with it and hold only its data.
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        if let Err(error) = engine.api.client().remove_container(&container.id, Some(options)).await {
            engine.errors.none_if_missing::<()>("remove a scratch container", error)?;
        }
    }
    let network = engine.api.get_named::<wire::NetworkInspect>("/networks/", name, "").await.map_or_else(
        |error| engine.errors.none_if_missing("inspect a network", error),
        |found| Ok(Some(found)),
    )?;
    match network {
        None => Ok(()),
        Some(network) if !network.labels.contains_key(SCRATCH_LABEL) => Err(not_ours("remove", name)),
        Some(_) => match engine.api.client().remove_network(name).await {
            Ok(()) => Ok(()),
            Err(error) => engine.errors.none_if_missing("remove a network", error).map(|_: Option<()>| ()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::ScratchLimits;
    use crate::secret::Secret;

    #[test]
    fn a_scratch_container_is_isolated_and_limited() {
        let scratch = Scratch {
            name: "safe-compose-scratch-1".into(),
            owner: "o".into(),
            image: "sha256:0".into(),
            environment: BTreeMap::from([("KEY".into(), Secret::new("k"))]),
            command: Vec::new(),
            volumes: vec!["/data".into()],
            limits: ScratchLimits { memory: 1 << 30, millicpus: 1500, processes: 99 },
        };
        assert_eq!(network(&scratch).internal, Some(true));
        let inherited = HashMap::from([("com.docker.compose.project".to_owned(), String::new())]);
        let body = body(&scratch, "none", inherited);
        let labels = body.labels.expect("labels");
        assert_eq!(labels[SCRATCH_LABEL], "o");
        assert_eq!(labels["com.docker.compose.project"], "");
        assert_eq!((body.cmd, body.volumes), (None, Some(vec!["/data".to_owned()])));
        assert_eq!(body.env.as_deref(), Some(&["KEY=k".to_owned()][..]));
        let host = body.host_config.expect("a host configuration");
        assert_eq!((host.port_bindings, host.mounts, host.binds), (None, None, None));
        assert_eq!((host.memory, host.memory_swap), (Some(1 << 30), Some(1 << 30)));
        assert_eq!((host.cpu_period, host.cpu_quota), (Some(100_000), Some(150_000)));
        assert_eq!(host.pids_limit, Some(99));
    }
}
