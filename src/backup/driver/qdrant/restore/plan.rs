//! Plans a restore, and refuses what cannot succeed before anything is changed.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};

use super::disk_space;
use super::source::{files_of, need, recorded, staged};
use super::stage::{Visibility, judge};
use crate::backup::driver::qdrant::names;
use crate::backup::driver::qdrant::save::manual_restore;
use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::qdrant::server::client::Cluster;
use crate::backup::driver::qdrant::server::version;
use crate::backup::driver::qdrant::state::fingerprint;
use crate::backup::driver::{Action, DriverTarget, RestoreOptions, RestorePlan, Step};
use crate::backup::fingerprint::QdrantFingerprint;
use crate::backup::store::Backup;
use crate::fs::sha256_of_with;
use crate::progress::Unit;

pub(crate) async fn plan(
    target: DriverTarget<'_>,
    from: &Backup,
    options: &RestoreOptions,
) -> anyhow::Result<RestorePlan> {
    let recorded = recorded(from)?;
    let chosen = choose(from, recorded, options)?;
    let client = Client::connect_all(target).await?;
    if !options.schema_only {
        let server = from.manifest.server.as_deref().unwrap_or(&recorded.version);
        for node in client.nodes() {
            version::fits(Some(server), node.version())?;
        }
    }
    let there: BTreeSet<String> = client.collections().await?.into_iter().collect();
    let aliases = client.aliases().await?;
    let mut steps = Vec::new();
    for name in chosen {
        let to = options.rename.as_ref().unwrap_or(&name).clone();
        if let Some((alias, collection)) = aliases.iter().find(|(alias, _)| *alias == to) {
            bail!(
                "`{alias}` is an alias of collection `{collection}` on the server, so no collection can have that name"
            );
        }
        let collection = recorded.collections.get(&name);
        let action = match (there.contains(&to), options) {
            (false, _) => Action::Create,
            // An empty collection never replaces an existing one.
            (true, RestoreOptions { skip_existing: true, .. } | RestoreOptions { schema_only: true, .. }) => {
                Action::Keep
            }
            (true, _) if is_unfinished(&client, from, &name, &to, &aliases).await? => Action::Finish,
            (true, _) => Action::Replace,
        };
        if !options.schema_only
            && action != Action::Keep
            && collection.is_some_and(|one| manual_restore::is_custom_sharded(&one.config))
        {
            bail!(
                "collection `{name}` has custom sharding, and Qdrant accepts such a snapshot but leaves the collection empty (qdrant#10135): restore it with `./qdrant --snapshot`, as shown in the manifest"
            );
        }
        if action != Action::Keep
            && !options.schema_only
            && client.cluster().is_some()
            && from.manifest.shards(&name).is_empty()
        {
            bail!(
                "the server is part of a cluster, and the backup of collection `{name}` is from a single server: transfer it with `export-data` and `import-data`"
            );
        }
        let count = collection.and_then(|one| one.points).filter(|_| !options.schema_only);
        steps.push(Step { from: name, to, action, count });
    }
    if !options.schema_only {
        undamaged(target, from, &steps)?;
        let need = need(from, &steps)?;
        disk_space::ensure(target, need.shared_by(client.nodes().count() as u64)).await?;
        for id in client.cluster().into_iter().flat_map(Cluster::stores) {
            if let Some(store) = target.stores.iter().find(|store| store.id == id) {
                let target = DriverTarget { store, ..target };
                disk_space::ensure(target, need.shared_by(client.nodes().count() as u64))
                    .await
                    .with_context(|| format!("on node `{id}`"))?;
            }
        }
    }
    Ok(RestorePlan { steps, ..RestorePlan::default() })
}

/// Whether the existing collection was created, or is being created, by an earlier restore of this backup that had
/// deleted the original. Any other readable collection is backed up before it is replaced.
async fn is_unfinished(
    client: &Client,
    from: &Backup,
    name: &str,
    to: &str,
    aliases: &[(String, String)],
) -> anyhow::Result<bool> {
    let Ok(staged) = staged(from, name, to) else { return Ok(false) };
    let mark = names::unfinished_alias(&staged);
    if !aliases.iter().any(|(alias, collection)| *alias == mark && *collection == staged) {
        return Ok(false);
    }
    let Some(expected) = recorded(from)?.collections.get(name) else { return Ok(false) };
    match fingerprint::count(client, to).await {
        Ok((now, _)) => Ok(judge(expected, now.points, Visibility::Public).is_ok()),
        Err(error) => fingerprint::reason(error).map(|_| true).map_err(Into::into),
    }
}

/// The collections to restore, by name.
fn choose(
    from: &Backup,
    recorded: &QdrantFingerprint,
    options: &RestoreOptions,
) -> anyhow::Result<Vec<String>> {
    let known: BTreeSet<&str> = if options.schema_only {
        recorded
            .collections
            .iter()
            .filter(|(_, one)| one.config.is_object())
            .map(|(name, _)| name.as_str())
            .collect()
    } else {
        from.manifest.collections()
    };
    options.ensure_known("the backup", &known.iter().copied().collect::<Vec<_>>())?;
    let chosen: Vec<String> = if options.collections.is_empty() {
        known.into_iter().map(str::to_owned).collect()
    } else {
        let mut chosen = options.collections.clone();
        let mut seen = BTreeSet::new();
        chosen.retain(|name| seen.insert(name.clone()));
        chosen
    };
    options.ensure_nameable(chosen.len())?;
    Ok(chosen)
}

/// Hashes the files to upload. The server compares digests too, but only after the upload.
fn undamaged(target: DriverTarget<'_>, from: &Backup, steps: &[Step]) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for step in steps.iter().filter(|step| step.action != Action::Keep) {
        files.extend(files_of(from, &step.from)?.into_iter().map(|link| (&step.from, link)));
    }
    let total = files.iter().map(|(_, (_, artifact))| artifact.bytes).sum();
    let task = target.progress.begin("verifying the backup", Unit::Bytes, Some(total));
    for (name, (file, artifact)) in files {
        let (bytes, digest) = sha256_of_with(&file, &mut |read| task.advance(read))?;
        ensure!(
            bytes == artifact.bytes && digest.to_string() == artifact.sha256,
            "the snapshot of collection `{name}` is damaged: `{}` does not match the manifest",
            artifact.path
        );
    }
    Ok(())
}
