//! `volumes_from`: a service mounts what another one mounts, except where it has a mount of its own.

use std::collections::HashMap;

use super::mount::LintMount;
use super::service::LintService;
use crate::lint::yaml::YamlNode;

/// The most services from which one takes mounts over.
const MAX_LENDERS: usize = 64;

/// Adds to every service the mounts of those that it names, directly or through others.
pub(super) fn resolve(services: &mut [LintService]) {
    let by_name: HashMap<&str, usize> =
        services.iter().enumerate().map(|(at, service)| (service.name.as_str(), at)).collect();
    let lent: Vec<LentMounts> = (0..services.len())
        .map(|at| {
            let mut lent = LentMounts::default();
            collect(services, &by_name, (at, false), &mut vec![at], &mut lent);
            lent
        })
        .collect();
    for (service, lent) in services.iter_mut().zip(lent) {
        service.unknown_mounts = lent.unknown;
        for mount in lent.mounts {
            if service.mounts.iter().all(|own| own.path() != mount.path()) {
                service.mounts.push(mount);
            }
        }
    }
}

/// What other services lend to one.
#[derive(Default)]
struct LentMounts {
    mounts: Vec<LintMount>,
    /// It takes the mounts of a container or of a service that is not in the files.
    unknown: bool,
}

fn collect(
    services: &[LintService],
    by_name: &HashMap<&str, usize>,
    (at, read_only): (usize, bool),
    visited: &mut Vec<usize>,
    lent: &mut LentMounts,
) {
    let named = services[at].node.get("volumes_from").map(YamlNode::items).unwrap_or_default();
    for entry in named.iter().filter_map(YamlNode::as_str) {
        let (name, mode) = entry.split_once(':').unwrap_or((entry, "rw"));
        let lender = by_name.get(name).copied().filter(|_| visited.len() <= MAX_LENDERS);
        let Some(lender) = lender else {
            lent.unknown = true;
            continue;
        };
        if visited.contains(&lender) {
            continue;
        }
        visited.push(lender);
        let read_only = read_only || mode == "ro";
        lent.mounts.extend(services[lender].mounts.iter().map(|mount| LintMount {
            read_only: mount.read_only || read_only,
            lent: true,
            ..mount.clone()
        }));
        collect(services, by_name, (lender, read_only), visited, lent);
    }
}
