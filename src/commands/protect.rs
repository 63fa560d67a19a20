//! `safe-compose protect`: protect volumes from deletion by any tool.

use serde_json::{Value, json};

use super::context::{CommandContext, ProjectContext};
use super::dry_run::{DryRun, PlannedChange};
use super::format;
use super::mode::{Apply, Mode};
use crate::cli::{Format, ProtectArgs};
use crate::engine::Volume;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::LocationSource;
use crate::protect::{self, ProtectError, ProtectOutcome, Protection};

pub(super) async fn run(
    command: &CommandContext,
    args: &ProtectArgs,
    mode: Mode,
    output: Format,
) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let volumes =
        if args.volumes.is_empty() { every_named(&cx)? } else { resolve(&cx, &args.volumes).await? };
    match mode {
        Mode::DryRun => Ok(plan(&cx, &volumes).show(cx.ui(), output)),
        Mode::Apply(apply) => {
            let results = act(&cx, &volumes, apply).await?;
            if output == Format::Json {
                command.ui.result(format::json(&results));
            }
            if args.volumes.is_empty() {
                warn_of_the_rest(&cx);
            }
            Ok(Exit::Success)
        }
    }
}

fn plan(cx: &ProjectContext<'_>, volumes: &[String]) -> DryRun {
    let change = |volume: &String| {
        let holder = format!("the holder container `{}`", protect::holder_name(volume));
        match protect::protection(&cx.holders, volume) {
            Protection::Holding => None,
            Protection::Stopped => Some(PlannedChange::new("start", holder)),
            Protection::None => {
                Some(PlannedChange::new("create", holder).with(format!("it protects volume `{volume}`")))
            }
        }
    };
    DryRun::new("protect", volumes.iter().filter_map(change).collect())
}

/// Protects every volume. The first failure ends it; volumes that were protected before stay protected.
async fn act(cx: &ProjectContext<'_>, volumes: &[String], apply: Apply) -> Result<Vec<Value>, Failure> {
    let mut results = Vec::new();
    for volume in volumes {
        if protect::protection(&cx.holders, volume) != Protection::Holding {
            cx.command.record.will(format!("protects volume {volume}"));
            cx.command.record.begin(apply);
        }
        let outcome = protect::protect(cx.engine.as_ref(), volume, &cx.project.name)
            .await
            .map_err(|error| failed(volume, error))?;
        report(cx, volume, outcome);
        results.push(json!({
            "volume": volume, "holder": protect::holder_name(volume), "result": result(outcome),
        }));
    }
    Ok(results)
}

fn result(outcome: ProtectOutcome) -> &'static str {
    match outcome {
        ProtectOutcome::Created => "created",
        ProtectOutcome::Started => "started",
        ProtectOutcome::AlreadyProtected => "unchanged",
    }
}

/// Every named volume of the project, except those that the settings call disposable.
fn every_named(cx: &ProjectContext<'_>) -> Result<Vec<String>, Failure> {
    let is_disposable = |volume: &Volume| {
        let declared = cx.project.whole_model().into_iter().flat_map(|model| &model.volumes);
        let by_file = declared.filter(|(_, known)| known.name == volume.name).map(|(key, _)| key.as_str());
        volume
            .compose_key()
            .into_iter()
            .chain(by_file)
            .any(|key| cx.settings.volumes.get(key).is_some_and(|settings| settings.disposable))
    };
    let named: Vec<String> = cx
        .volumes
        .iter()
        .filter(|volume| !volume.is_anonymous() && !is_disposable(volume))
        .map(|volume| volume.name.clone())
        .collect();
    if named.is_empty() {
        return Err(Failure::new(
            Exit::Unavailable,
            format!("project `{}` has no named volume to protect", cx.project.name),
        )
        .say("The first `up` creates the volumes."));
    }
    Ok(named)
}

/// The volumes on the engine, by their keys in the file or by their own names.
pub(super) async fn resolve(cx: &ProjectContext<'_>, wanted: &[String]) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    for word in wanted {
        let declared = cx.project.whole_model().and_then(|model| model.volumes.get(word));
        let labelled = || cx.volumes.iter().find(|volume| volume.compose_key() == Some(word));
        let name = declared
            .map(|volume| volume.name.clone())
            .or_else(|| labelled().map(|volume| volume.name.clone()))
            .unwrap_or_else(|| word.clone());
        if cx.engine.volume(&name).await.map_err(super::context::no_engine)?.is_none() {
            return Err(unknown(cx, word, &name));
        }
        if !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

fn unknown(cx: &ProjectContext<'_>, word: &str, name: &str) -> Failure {
    let message = if word == name {
        format!("volume `{word}` does not exist{}", format::elsewhere(cx))
    } else {
        format!("volume `{word}` of this project (`{name}`) does not exist{}", format::elsewhere(cx))
    };
    let known: Vec<String> =
        cx.volumes.iter().filter(|volume| !volume.is_anonymous()).map(|volume| volume.name.clone()).collect();
    let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
    Failure::new(Exit::Usage, message)
        .say(format!("Volumes of this project: {known}."))
        .say("Nothing was changed.")
}

fn report(cx: &ProjectContext<'_>, volume: &str, outcome: ProtectOutcome) {
    let holder = protect::holder_name(volume);
    let place = format::elsewhere(cx);
    cx.ui().good(match outcome {
        ProtectOutcome::Created => {
            format!("`{volume}` is protected{place}: it cannot be deleted while `{holder}` runs.")
        }
        ProtectOutcome::Started => {
            format!("`{volume}` is protected again{place}: its stopped holder container was started.")
        }
        ProtectOutcome::AlreadyProtected => format!("`{volume}` is already protected{place}."),
    });
}

fn failed(volume: &str, error: ProtectError) -> Failure {
    let failure = Failure::new(Exit::Unavailable, format!("`{volume}` could not be protected"));
    let advice = match &error {
        ProtectError::Engine(_) => "`docker info` shows whether the engine can start containers.",
        ProtectError::NoVolume(_) => "It was just deleted.",
        ProtectError::Architecture(_) => {
            "Any container that mounts the volume and keeps running has the same effect; see docs/protection.md."
        }
        ProtectError::NotRunning(_) => "`docker logs` and `docker inspect` of the holder container show why.",
    };
    failure.because(error).say(advice)
}

/// A holder container protects volumes only. Data that is kept elsewhere is named, so that nobody feels safer than they
/// are.
fn warn_of_the_rest(cx: &ProjectContext<'_>) {
    for store in &cx.inventory.stores {
        for place in &store.locations {
            let target = place.target.display();
            match &place.source {
                LocationSource::Volume { anonymous: false, .. } | LocationSource::Tmpfs => {}
                LocationSource::Volume { anonymous: true, .. } => cx.ui().warn(format!(
                    "`{}` keeps data at `{target}` in an anonymous volume, which was not protected: name it in the Compose file.",
                    store.service
                )),
                LocationSource::Bind { path } => cx.ui().say(format!(
                    "`{}` keeps data at `{target}` in the directory {}: the engine does not delete it, but nothing protects it from other tools.",
                    store.service,
                    path.display()
                )),
                LocationSource::Layer => cx.ui().warn(format!(
                    "`{}` keeps data inside its container, which cannot be protected: mount a volume at `{target}`.",
                    store.service
                )),
            }
        }
    }
}
