//! Groups stores that share one backup: the nodes of a cluster.

use super::context::ProjectContext;
use crate::inventory::{Store, StoreKind};
use crate::progress::Silent;

/// Stores that share one backup.
#[derive(Debug)]
pub(super) struct Group {
    /// The store that is queried and that the backup is named after: always the same one.
    pub lead: Store,
    /// The stores of the group that are to be backed up.
    pub members: Vec<Store>,
    /// The ids of all nodes of the cluster; empty where there is no cluster.
    pub nodes: Vec<String>,
}

/// Groups the stores that are to be backed up. A server is queried only if there is another one that could be in its
/// cluster.
pub(super) async fn groups(
    cx: &ProjectContext<'_>,
    stores: &[Store],
) -> Result<Vec<Group>, (Store, anyhow::Error)> {
    let servers = cx.inventory.stores.iter().filter(|store| may_be_node(store)).count();
    let mut groups: Vec<Group> = Vec::new();
    for store in stores {
        if let Some(group) = groups.iter_mut().find(|group| group.nodes.contains(&store.id)) {
            group.members.push(store.clone());
            continue;
        }
        let mut nodes = if servers > 1 && may_be_node(store) {
            let target = cx.target(store, &Silent);
            store.kind.driver().cluster(target).await.map_err(|error| (store.clone(), error))?
        } else {
            Vec::new()
        };
        nodes.sort();
        let lead = cx.inventory.stores.iter().find(|known| nodes.first() == Some(&known.id));
        groups.push(Group { lead: lead.unwrap_or(store).clone(), members: vec![store.clone()], nodes });
    }
    Ok(groups)
}

fn may_be_node(store: &Store) -> bool {
    store.kind == StoreKind::Qdrant && store.is_running()
}
