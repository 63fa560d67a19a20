//! Finds commands that lose data in shell scripts, Makefiles, justfiles, `package.json` and CI workflows.
//!
//! Words are parsed, not matched: a file is taken apart into scripts (`source`), a script into calls (`shell`, `calls`),
//! a call into what Compose or `docker` makes of it (`command`), and only that is judged (`rules`).

mod calls;
mod command;
mod directories;
mod ignore;
mod kind;
mod rules;
mod shell;
mod snippet;
mod source;
mod walk;
mod wrappers;

use std::path::Path;

pub use directories::Directories;
pub use kind::Kind;
pub use rules::{RULES, Rule};
pub use walk::find;

use super::finding::{Finding, Place, Severity};
use rules::Scene;
use snippet::{Lines, char_boundary};

/// A script longer than this is not read: nobody wrote it.
pub const LONGEST: usize = 4 << 20;

/// What a file's scripts do to data, in the order of the file.
pub fn look(file: &Path, kind: Kind, text: &str, directories: &Directories) -> Vec<Finding> {
    let text = &text[..char_boundary(text, LONGEST)];
    let lines = Lines::new(text);
    let mut found = Vec::new();
    for script in source::scripts(kind, text) {
        calls::each_call(&script.text, &script.scope, script.remote, &mut |call| {
            let commands = command::read(call);
            let scene = Scene { call, commands: &commands, directories };
            for rule in RULES {
                let Some(hit) = (rule.look)(&scene) else { continue };
                // The disk of a machine that is thrown away has nothing to lose; another machine has.
                let spared = script.throwaway && !call.remote && !names_engine(&commands);
                let severity = if spared { hit.severity.min(Severity::Warning) } else { hit.severity };
                let (line, column) = lines.place(call.from);
                let (end_line, end_column) = lines.place(call.to);
                let place = Place { file: file.to_owned(), line, column, end_line, end_column };
                let (message, help) = (hit.message, Some(hit.help));
                found.push(Finding { rule: rule.id, severity, place, message, help, service: None });
            }
        });
    }
    found.sort_by(|one, other| (&one.place, one.rule).cmp(&(&other.place, other.rule)));
    found.dedup();
    ignore::apply(&lines, found)
}

/// Whether the command says itself on which engine it runs.
fn names_engine(commands: &command::Commands) -> bool {
    let engine = commands.engine.as_ref().map(|engine| &engine.reading);
    let mut readings = commands.compose.iter().chain(engine);
    readings.any(|reading| reading.globals.host.is_some() || reading.globals.context.is_some())
}
