//! `safe-compose man`: print the man page, or write one for each command.

use std::path::Path;

use super::dry_run::{DryRun, PlannedChange};
use super::mode::{Apply, Mode};
use crate::cli::{self, Format, ManArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::write_atomically;
use crate::ui::Ui;

pub(super) fn run(ui: &Ui, args: &ManArgs, mode: Mode) -> Result<Exit, Failure> {
    let program = cli::command("safe-compose");
    let Some(directory) = &args.directory else {
        ui.result(String::from_utf8_lossy(&cli::man_page(&program)).into_owned());
        return Ok(Exit::Success);
    };
    let page = |command: &clap::Command| {
        let name = command.get_display_name().unwrap_or(command.get_name());
        (format!("{name}.1"), command.clone())
    };
    let pages: Vec<(String, clap::Command)> =
        [&program].into_iter().chain(program.get_subcommands()).map(page).collect();
    match mode {
        Mode::DryRun => {
            let change = |(name, _): &(String, _)| {
                PlannedChange::new("write", format!("`{}`", directory.join(name).display()))
            };
            Ok(DryRun::new("man", pages.iter().map(change).collect()).show(ui, Format::Text))
        }
        Mode::Apply(_) if !directory.is_dir() => {
            Err(Failure::new(Exit::Unavailable, format!("`{}` is not a directory", directory.display()))
                .say("Nothing was written. Create the directory first."))
        }
        Mode::Apply(apply) => {
            write(directory, &pages, apply)?;
            ui.good(format!(
                "wrote {} to {}.",
                crate::units::count(pages.len() as u64, "man page"),
                directory.display()
            ));
            Ok(Exit::Success)
        }
    }
}

fn write(directory: &Path, pages: &[(String, clap::Command)], _: Apply) -> Result<(), Failure> {
    for (name, command) in pages {
        let path = directory.join(name);
        write_atomically(&path, &cli::man_page(command), 0o644).map_err(|error| {
            Failure::new(Exit::Unavailable, format!("`{}` cannot be written", path.display())).because(error)
        })?;
    }
    Ok(())
}
