//! Questions. A `y` would train a reflex, so the name of what is at stake has to be typed.

use dialoguer::Input;
use dialoguer::console::Term;
use dialoguer::theme::ColorfulTheme;

use crate::process;

/// What was typed; `None` when the prompt was left with Ctrl-C or its terminal went away.
pub(super) fn typed(word: &str) -> Option<String> {
    let theme = ColorfulTheme::default();
    let question = Input::with_theme(&theme)
        .with_prompt(format!("Type {word} to go on, anything else to stop"))
        .allow_empty(true);
    let answer = process::without_interrupt(|| question.interact_text().ok());
    if answer.is_none() {
        // The prompt is left as it stands.
        let _ = Term::stderr().write_line("");
    }
    answer
}
