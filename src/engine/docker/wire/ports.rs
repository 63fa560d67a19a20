//! The published ports and addresses of a container.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use super::nullable;
use crate::engine::PublishedPort;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NetworkSettings {
    #[serde(default, deserialize_with = "nullable")]
    ports: HashMap<String, Option<Vec<Binding>>>,
    #[serde(default, deserialize_with = "nullable")]
    networks: BTreeMap<String, Address>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    #[serde(default, deserialize_with = "nullable")]
    host_ip: String,
    #[serde(default, deserialize_with = "nullable")]
    host_port: String,
}

#[derive(Debug, Deserialize)]
struct Address {
    #[serde(rename = "IPAddress", default, deserialize_with = "nullable")]
    address: String,
    #[serde(rename = "GlobalIPv6Address", default, deserialize_with = "nullable")]
    address_v6: String,
}

impl NetworkSettings {
    /// The published TCP ports, sorted by container port.
    pub(super) fn published(&self) -> Vec<PublishedPort> {
        let mut ports: Vec<PublishedPort> = self
            .ports
            .iter()
            .filter_map(|(port, bindings)| {
                let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
                let container_port = number.parse().ok()?;
                (protocol == "tcp").then_some((container_port, bindings.as_ref()?))
            })
            .flat_map(|(container_port, bindings)| {
                bindings.iter().filter_map(move |binding| {
                    Some(PublishedPort {
                        container_port,
                        host: binding.host_ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                        host_port: binding.host_port.parse().ok()?,
                    })
                })
            })
            .collect();
        ports.sort_by_key(|port| (port.container_port, port.host, port.host_port));
        ports
    }

    pub(super) fn addresses(&self) -> BTreeMap<String, IpAddr> {
        self.networks
            .iter()
            .filter_map(|(name, network)| {
                let address = network.address.parse().or_else(|_| network.address_v6.parse()).ok()?;
                Some((name.clone(), address))
            })
            .collect()
    }
}
