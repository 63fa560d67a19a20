//! `rm -r` and similar commands on a data directory.

use crate::lint::rule::{RuleReport, rule};
use crate::lint::scripts::call_context::CallContext;
use crate::lint::scripts::mapped_text::UNKNOWN;
use crate::lint::scripts::shell::ShellArgument;
use crate::lint::scripts::wrappers::skip_flags;

rule! {
    /// Finds a script that deletes a directory in which a service keeps its data.
    ///
    /// ## Why it matters
    ///
    /// `rm -r` on a data directory deletes the data of the service without asking.
    ///
    /// A data directory is one that a Compose file in the directory of the script, or above it, mounts into a
    /// service; or one whose name says so: a directory below `volumes/`, `pgdata`, `/var/lib/docker/volumes`, the
    /// variable `PGDATA`. What a build makes in a mounted directory, such as `dist` or `node_modules`, is no data.
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
    "script-wipes-data-directory", Error, Call(check)
}

fn check(context: &CallContext<'_>, report: &mut RuleReport) {
    let call = context.call;
    let targets = match call.program.as_str() {
        "rm" if is_recursive(&call.arguments) => operands(&call.arguments),
        "find" if deletes(&call.arguments) => call
            .arguments
            .iter()
            .take_while(|argument| !argument.as_str().starts_with(['-', '(', '!']))
            .collect(),
        "rimraf" | "trash" | "shred" => operands(&call.arguments),
        _ => return,
    };
    let found = targets.into_iter().find_map(|target| {
        let why = context.directories.holds_data(target.as_str(), target.variable.as_deref(), call.remote)?;
        Some((target.as_str().replace(UNKNOWN, "…"), why))
    });
    if let Some((target, why)) = found {
        report
            .add(context.span(), format!("`{}` deletes `{target}`, {why}", call.program))
            .help("Move the directory aside instead, or back it up first.");
    }
}

fn is_recursive(arguments: &[ShellArgument]) -> bool {
    arguments.iter().map(ShellArgument::as_str).take_while(|text| *text != "--").any(|text| {
        match text.strip_prefix("--") {
            Some(long) => !long.is_empty() && "recursive".starts_with(long),
            None => text.strip_prefix('-').is_some_and(|letters| letters.contains(['r', 'R'])),
        }
    })
}

fn operands(arguments: &[ShellArgument]) -> Vec<&ShellArgument> {
    let separator =
        arguments.iter().position(|argument| argument.as_str() == "--").unwrap_or(arguments.len());
    let (before, after) = arguments.split_at(separator);
    before.iter().filter(|argument| !argument.as_str().starts_with('-')).chain(after.iter().skip(1)).collect()
}

fn deletes(arguments: &[ShellArgument]) -> bool {
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
