//! `safe-compose completions`: print a shell completion script.

use crate::cli::{self, CompletionsArgs};
use crate::exit::Exit;
use crate::ui::Ui;

pub(super) fn run(ui: &Ui, args: &CompletionsArgs) -> Exit {
    ui.result(cli::completion_script(args.shell));
    Exit::Success
}
