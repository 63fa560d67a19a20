//! `safe-compose protect`: keep volumes from being removed by anybody.

use super::context::{CommandContext, ProjectContext};
use super::format;
use crate::cli::ProtectArgs;
use crate::engine::Volume;
use crate::error::Failure;
use crate::exit::Exit;
use crate::inventory::PlaceSource;
use crate::journal::{self, Entry, Outcome as Ended};
use crate::policy::Assessment;
use crate::protect::{self, Outcome, ProtectError, Protection};

pub(super) async fn run(command: &CommandContext, args: &ProtectArgs) -> Result<Exit, Failure> {
    let cx = ProjectContext::gather(command).await?;
    let volumes =
        if args.volumes.is_empty() { every_named(&cx)? } else { resolve(&cx, &args.volumes).await? };
    if command.safe.plan {
        for volume in &volumes {
            command.ui.paragraph(match protect::protection(&cx.holders, volume) {
                Protection::Holding => format!("`{volume}` is protected already."),
                Protection::Stopped => format!("The holder of `{volume}` would be started."),
                Protection::None => {
                    format!("`{volume}` would get the holder `{}`.", protect::holder_name(volume))
                }
            });
        }
        return Ok(Exit::Success);
    }
    let mut done = Vec::new();
    let mut ended = Ok(Exit::Success);
    for volume in &volumes {
        match protect::protect(cx.engine.as_ref(), volume, &cx.project.name).await {
            Ok(outcome) => {
                tell(&cx, volume, outcome);
                if outcome != Outcome::Already {
                    done.push(format!("protects volume {volume}"));
                }
            }
            Err(error) => {
                ended = Err(failed(volume, error));
                break;
            }
        }
    }
    if !done.is_empty() {
        write_down(&cx, done, Ended::Ran, ended.as_ref().map_or_else(|failure| failure.exit, |exit| *exit));
    }
    let exit = ended?;
    if args.volumes.is_empty() {
        warn_of_the_rest(&cx);
    }
    Ok(exit)
}

/// Every volume of the project that somebody gave a name to, and that is not given up in the settings.
fn every_named(cx: &ProjectContext<'_>) -> Result<Vec<String>, Failure> {
    let given_up = |volume: &Volume| {
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
        .filter(|volume| !volume.is_anonymous() && !given_up(volume))
        .map(|volume| volume.name.clone())
        .collect();
    if named.is_empty() {
        return Err(Failure::new(
            Exit::Unavailable,
            format!(
                "project `{}` has no named volume on this engine, so nothing was protected",
                cx.project.name
            ),
        )
        .say("A volume is there from the first `up` on."));
    }
    Ok(named)
}

/// The volumes on the engine that are meant: by their keys in the file, or by their own names.
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
        format!("there is no volume `{word}`{}", format::elsewhere(cx))
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

fn tell(cx: &ProjectContext<'_>, volume: &str, outcome: Outcome) {
    let holder = protect::holder_name(volume);
    let place = format::elsewhere(cx);
    cx.ui().good(match outcome {
        Outcome::Made => {
            format!("`{volume}` is protected{place}: nobody can remove it while `{holder}` runs.")
        }
        Outcome::Started => {
            format!("`{volume}` is protected again{place}: its holder had stopped, and runs.")
        }
        Outcome::Already => format!("`{volume}` is protected already{place}."),
    });
}

fn failed(volume: &str, error: ProtectError) -> Failure {
    let failure = Failure::new(Exit::Unavailable, format!("`{volume}` could not be protected"));
    let advice = match &error {
        ProtectError::Engine(_) => "`docker info` shows whether the engine can start containers.",
        ProtectError::NoVolume(_) => "It was removed a moment ago.",
        ProtectError::Machine(_) => {
            "A container of any image that mounts the volume and never ends does the same; docs/protection.md shows how."
        }
        ProtectError::NotRunning(_) => "`docker logs` and `docker inspect` of the holder tell why.",
    };
    failure.because(error).say(advice)
}

/// A holder keeps volumes. What lies elsewhere is said, so that nobody feels safer than they are.
fn warn_of_the_rest(cx: &ProjectContext<'_>) {
    for store in &cx.inventory.stores {
        for place in &store.places {
            let target = place.target.display();
            match &place.source {
                PlaceSource::Volume { anonymous: false, .. } | PlaceSource::Tmpfs => {}
                PlaceSource::Volume { anonymous: true, .. } => cx.ui().warn(format!(
                    "`{}` keeps data at `{target}` in an anonymous volume, which was not protected: give it a name in the file.",
                    store.service
                )),
                PlaceSource::Bind { path } => cx.ui().say(format!(
                    "`{}` keeps data at `{target}` in the directory {}, which no engine removes and nothing else protects.",
                    store.service,
                    path.display()
                )),
                PlaceSource::Layer => cx.ui().warn(format!(
                    "`{}` keeps data inside its container, which cannot be protected: mount a volume at `{target}`.",
                    store.service
                )),
            }
        }
    }
}

/// Adds to the journal what became of the protection of volumes.
pub(super) fn write_down(cx: &ProjectContext<'_>, effects: Vec<String>, outcome: Ended, exit: Exit) {
    let nothing =
        Assessment { engine: cx.identity().mark(), project: cx.project.name.clone(), impacts: Vec::new() };
    let mut entry = Entry::begin(&cx.project.name, cx.identity(), &cx.command.typed, &nothing);
    entry.effects = effects;
    if let Err(error) = journal::append(cx.root.directory(), &entry.end(outcome, exit)) {
        cx.ui().warn(format!("the journal cannot be written: {error}"));
    }
}
