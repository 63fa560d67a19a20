//! Scratch containers: made with a network that leads nowhere, limited, and removed with all they wrote.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, NetworkCreateRequest, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use serde_json::json;

use super::{DockerEngine, api, blanked, wire};
use crate::engine::{Container, EngineError, Result, SCRATCH_LABEL, Scratch};

/// The length of the engine's accounting period for processor time, in microseconds.
const PERIOD: i64 = 100_000;

pub(super) async fn start(engine: &DockerEngine, scratch: &Scratch) -> Result<Container> {
    let made = make(engine, scratch).await;
    if made.is_err() {
        // The first error is the one that tells something.
        let _ = remove(engine, &scratch.name).await;
    }
    made
}

async fn make(engine: &DockerEngine, scratch: &Scratch) -> Result<Container> {
    let failures = &engine.failures;
    let image: wire::Image =
        engine.api.get_named("/images/", &scratch.image, "/json").await.map_err(|error| {
            failures.about(&format!("image `{}`", scratch.image), "describe an image", error)
        })?;
    let asking = |error| failures.asking("create a scratch container", error);
    let name = api::checked(&scratch.name).map_err(asking)?;
    // An engine that has no addresses left for another network still has `none`, and a tunnel leads there too.
    let network = match engine.api.client().create_network(network(scratch)).await {
        Ok(_) => name,
        Err(_) => "none",
    };
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let client = engine.api.client();
    let created = client
        .create_container(Some(options), body(scratch, network, blanked(&image)))
        .await
        .map_err(|error| asking(error.into()))?;
    client
        .start_container(&created.id, None)
        .await
        .map_err(|error| failures.asking("start a scratch container", error))?;
    match engine.container(&created.id).await? {
        Some(container) => Ok(container.into_ours()),
        None => Err(EngineError::NotFound { what: format!("container `{name}`") }),
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

/// The request. `labels` are what has to be taken away of the image's.
fn body(scratch: &Scratch, network: &str, mut labels: HashMap<String, String>) -> ContainerCreateBody {
    labels.insert(SCRATCH_LABEL.to_owned(), scratch.owner.clone());
    let memory = i64::try_from(scratch.limits.memory).unwrap_or(i64::MAX);
    ContainerCreateBody {
        image: Some(scratch.image.clone()),
        env: Some(
            scratch.environment.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect(),
        ),
        labels: Some(labels),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            // It never comes back by itself, not even with the engine.
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            memory: Some(memory),
            memory_swap: Some(memory),
            // Unlike a number of processors, a share of their time may be more than the host has.
            cpu_period: Some(PERIOD),
            cpu_quota: Some(i64::from(scratch.limits.millicpus) * PERIOD / 1000),
            pids_limit: Some(i64::from(scratch.limits.processes)),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Containers and networks by their label: either may be there without the other.
pub(super) async fn list(engine: &DockerEngine, owner: &str) -> Result<Vec<String>> {
    let filters = json!({ "label": [format!("{SCRATCH_LABEL}={owner}")] }).to_string();
    let containers = engine.containers("label", &format!("{SCRATCH_LABEL}={owner}")).await?;
    let networks: Vec<wire::Network> = engine
        .api
        .get("/networks", &[("filters", &filters)])
        .await
        .map_err(|error| engine.failures.asking("list networks", error))?;
    let mut names: Vec<String> = containers.into_iter().map(|container| container.name).collect();
    names.extend(networks.into_iter().map(|network| network.name));
    names.sort();
    names.dedup();
    Ok(names)
}

pub(super) async fn remove(engine: &DockerEngine, name: &str) -> Result<()> {
    let foreign = || EngineError::Refused {
        action: format!("remove `{name}`"),
        source: anyhow::anyhow!("it is no scratch container of ours"),
    };
    if let Some(container) = engine.container(name).await? {
        // The engine also finds containers by the beginning of their id.
        if !container.is_scratch() || container.name() != name {
            return Err(foreign());
        }
        // Its anonymous volumes were made with it, and hold what it wrote.
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        if let Err(error) = engine.api.client().remove_container(&container.id, Some(options)).await {
            engine.failures.unless_missing::<()>("remove a scratch container", error)?;
        }
    }
    let network = engine.api.get_named::<wire::Network>("/networks/", name, "").await.map_or_else(
        |error| engine.failures.unless_missing("describe a network", error),
        |found| Ok(Some(found)),
    )?;
    match network {
        None => Ok(()),
        Some(network) if !network.labels.contains_key(SCRATCH_LABEL) => Err(foreign()),
        Some(_) => match engine.api.client().remove_network(name).await {
            Ok(()) => Ok(()),
            Err(error) => engine.failures.unless_missing("remove a network", error).map(|_: Option<()>| ()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::Limits;
    use crate::secret::Secret;

    #[test]
    fn it_leads_nowhere_and_takes_no_more_than_its_share() {
        let scratch = Scratch {
            name: "safe-compose-scratch-1".into(),
            owner: "o".into(),
            image: "sha256:0".into(),
            environment: BTreeMap::from([("KEY".into(), Secret::new("k"))]),
            limits: Limits { memory: 1 << 30, millicpus: 1500, processes: 99 },
        };
        assert_eq!(network(&scratch).internal, Some(true));
        let inherited = HashMap::from([("com.docker.compose.project".to_owned(), String::new())]);
        let body = body(&scratch, "none", inherited);
        let labels = body.labels.expect("labels");
        assert_eq!(labels[SCRATCH_LABEL], "o");
        assert_eq!(labels["com.docker.compose.project"], "");
        assert_eq!(body.env.as_deref(), Some(&["KEY=k".to_owned()][..]));
        let host = body.host_config.expect("a host configuration");
        assert_eq!((host.port_bindings, host.mounts, host.binds), (None, None, None));
        assert_eq!((host.memory, host.memory_swap), (Some(1 << 30), Some(1 << 30)));
        assert_eq!((host.cpu_period, host.cpu_quota), (Some(100_000), Some(150_000)));
        assert_eq!(host.pids_limit, Some(99));
    }
}
