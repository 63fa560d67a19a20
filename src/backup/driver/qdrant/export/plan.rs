//! Works out what restoring an export would do; changes nothing.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::backup::driver::qdrant::save::manual_restore;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::{Action, Plan, Request, Step, Target};
use crate::backup::export::{Contents, Found};

pub(crate) async fn plan(target: Target<'_>, from: &Contents, request: &Request) -> anyhow::Result<Plan> {
    let chosen = choose(from, request)?;
    let client = Client::connect_all(target).await?;
    let there: BTreeSet<String> = client.collections().await?.into_iter().collect();
    let aliases = client.aliases().await?;
    let mut steps = Vec::new();
    for found in chosen {
        let name = &found.name;
        let to = request.rename.as_ref().unwrap_or(name).clone();
        if let Some((alias, collection)) = aliases.iter().find(|(alias, _)| *alias == to) {
            bail!(
                "`{alias}` is an alias of collection `{collection}` on the server, so no collection can be called that"
            );
        }
        let action = match (there.contains(&to), request) {
            (false, _) => Action::Create,
            // Nothing empty takes the place of something.
            (true, Request { skip_existing: true, .. } | Request { schema_only: true, .. }) => Action::Keep,
            (true, _) => Action::Replace,
        };
        if action != Action::Keep && manual_restore::is_custom_sharded(&found.config) {
            bail!(
                "collection `{name}` is sharded by hand, and an export does not say where each of its points belongs: restore \
                 it from a snapshot"
            );
        }
        let count = Some(found.points).filter(|_| !request.schema_only);
        steps.push(Step { from: name.clone(), to, action, count });
    }
    Ok(Plan { steps })
}

/// The collections to restore, in the order of the file.
fn choose<'a>(from: &'a Contents, request: &Request) -> anyhow::Result<Vec<&'a Found>> {
    request.ensure_known(
        "the export",
        &from.collections.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(),
    )?;
    let is_chosen =
        |found: &&Found| request.collections.is_empty() || request.collections.contains(&found.name);
    let chosen: Vec<&Found> = from.collections.iter().filter(is_chosen).collect();
    request.ensure_nameable(chosen.len())?;
    Ok(chosen)
}
