//! `rm -r` and its kin, on data.

use super::{Hit, Scene, rule};
use crate::lint::finding::Severity;
use crate::lint::scripts::shell::Argument;
use crate::lint::scripts::wrappers::skip_flags;

rule! {
    /// Finds a script that deletes a directory in which a service keeps its data.
    ///
    /// ## Why it matters
    ///
    /// `rm -r` on a directory that a service keeps its data in.
    ///
    /// Such a directory is one that a Compose file beside or above the script mounts into a service, or one whose name says
    /// it: something below `volumes/`, a `pgdata`, `/var/lib/docker/volumes`, the variable `PGDATA`.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// rm -rf ./volumes/postgres
    /// sudo find volumes/ -mindepth 1 -delete
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// rm -rf ./dist
    /// mv ./volumes/postgres ./volumes/postgres.old
    /// ```
    "script-wipes-data-directory", Error, look
}

fn look(scene: &Scene<'_>) -> Option<Hit> {
    let call = scene.call;
    let targets = match call.program.as_str() {
        "rm" if is_recursive(&call.arguments) => operands(&call.arguments),
        "find" if deletes(&call.arguments) => call
            .arguments
            .iter()
            .take_while(|argument| !argument.as_str().starts_with(['-', '(', '!']))
            .collect(),
        "rimraf" | "trash" | "shred" => operands(&call.arguments),
        _ => return None,
    };
    let (target, why) = targets.into_iter().find_map(|target| {
        let why = scene.directories.holds_data(target.as_str(), target.variable.as_deref(), call.remote)?;
        Some((target.as_str().replace(crate::lint::scripts::snippet::UNKNOWN, "…"), why))
    })?;
    Some(Hit {
        severity: Severity::Error,
        message: format!("`{}` deletes `{target}`, {why}", call.program),
        help: "Move it aside instead, or back it up first.".into(),
    })
}

fn is_recursive(arguments: &[Argument]) -> bool {
    arguments.iter().map(Argument::as_str).take_while(|text| *text != "--").any(|text| {
        match text.strip_prefix("--") {
            Some(long) => !long.is_empty() && "recursive".starts_with(long),
            None => text.strip_prefix('-').is_some_and(|letters| letters.contains(['r', 'R'])),
        }
    })
}

fn operands(arguments: &[Argument]) -> Vec<&Argument> {
    let behind = arguments.iter().position(|argument| argument.as_str() == "--").unwrap_or(arguments.len());
    let (before, after) = arguments.split_at(behind);
    before.iter().filter(|argument| !argument.as_str().starts_with('-')).chain(after.iter().skip(1)).collect()
}

fn deletes(arguments: &[Argument]) -> bool {
    let executes = |at: usize| {
        let inner = skip_flags(&arguments[at + 1..], &[]);
        inner.first().is_some_and(|program| program.as_str() == "rm")
    };
    arguments.iter().enumerate().any(|(at, argument)| match argument.as_str() {
        "-delete" => true,
        "-exec" | "-execdir" => executes(at),
        _ => false,
    })
}
