//! Which stores are saved in one backup: the nodes of a cluster are.

use super::context::ProjectContext;
use crate::inventory::{Store, StoreKind};
use crate::progress::Silent;

/// Stores that one backup is of.
#[derive(Debug)]
pub(super) struct Group {
    /// The one that is command, and whose name the backup has: the same each time.
    pub lead: Store,
    /// Those of the group that are to be saved.
    pub members: Vec<Store>,
    /// The ids of all nodes of the cluster; empty where a store stands alone.
    pub nodes: Vec<String>,
}

/// Puts the stores that are to be saved into groups. A server is asked only where there is another that could be of one
/// cluster with it.
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
