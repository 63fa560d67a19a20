//! Plans an import; changes nothing.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::backup::driver::qdrant::save::manual_restore;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Step};
use crate::backup::export::{ExportContents, ExportedCollection};

pub(crate) async fn plan(
    target: DriverTarget<'_>,
    from: &ExportContents,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let chosen = choose(from, options)?;
    let client = Client::connect_all(target).await?;
    let there: BTreeSet<String> = client.collections().await?.into_iter().collect();
    let aliases = client.aliases().await?;
    let mut steps = Vec::new();
    for found in chosen {
        let name = &found.name;
        let to = options.rename.as_ref().unwrap_or(name).clone();
        if let Some((alias, collection)) = aliases.iter().find(|(alias, _)| *alias == to) {
            bail!(
                "`{alias}` is an alias of collection `{collection}` on the server, so no collection can have that name"
            );
        }
        let action = match (there.contains(&to), options) {
            (false, _) => Action::Create,
            // An empty collection never replaces an existing one.
            (true, RestoreOptions { skip_existing: true, .. } | RestoreOptions { schema_only: true, .. }) => {
                Action::Keep
            }
            (true, _) => Action::Replace,
        };
        if action != Action::Keep && manual_restore::is_custom_sharded(&found.config) {
            bail!(
                "collection `{name}` has custom sharding, and an export does not record the shard of each point: restore it from a snapshot"
            );
        }
        let count = Some(found.points).filter(|_| !options.schema_only);
        steps.push(Step { from: name.clone(), to, action, count });
    }
    Ok(RestorePlan { steps, ..RestorePlan::default() })
}

/// The collections to restore, in the order of the file.
fn choose<'a>(
    from: &'a ExportContents,
    options: &RestoreOptions,
) -> anyhow::Result<Vec<&'a ExportedCollection>> {
    options.ensure_known(
        "the export",
        &from.collections.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(),
    )?;
    let is_chosen = |found: &&ExportedCollection| {
        options.collections.is_empty() || options.collections.contains(&found.name)
    };
    let chosen: Vec<&ExportedCollection> = from.collections.iter().filter(is_chosen).collect();
    options.ensure_nameable(chosen.len())?;
    Ok(chosen)
}
