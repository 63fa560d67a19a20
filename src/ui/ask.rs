//! Questions. A `y` would train a reflex, so the name of what is at stake has to be typed.

use dialoguer::Input;
use dialoguer::theme::ColorfulTheme;

/// What was typed; `None` when the prompt was left with Ctrl-C or its terminal went away.
pub(super) fn typed(word: &str) -> Option<String> {
    Input::with_theme(&ColorfulTheme::default())
        .with_prompt(format!("Type {word} to go on, anything else to stop"))
        .allow_empty(true)
        .interact_text()
        .ok()
}
