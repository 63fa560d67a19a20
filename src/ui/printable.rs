//! Text that shows what is in it, and moves nothing on the screen.
//!
//! Names and messages come from engines, servers, files and other people. A terminal obeys control characters in them: it
//! clears the screen, hides a line, or writes one over another.

use std::borrow::Cow;

/// Replaces control characters, and characters that reverse the direction of a line, by their codes, as JSON writes them:
/// JSON stays JSON. Line breaks and tabs stay.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unsafe(letter) {
            shown.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

/// The same for what has to be one line.
pub(super) fn printable_line(text: &str) -> Cow<'_, str> {
    match printable(text) {
        text if text.contains(['\n', '\t']) => text.replace(['\n', '\t'], " ").into(),
        text => text,
    }
}

fn is_unsafe(letter: char) -> bool {
    let turns_the_line =
        matches!(letter, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (letter.is_control() && !matches!(letter, '\n' | '\t'))
        || turns_the_line
        || matches!(letter, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_on_the_screen() {
        assert_eq!(
            printable("a\u{1b}[2Jb\rc\u{7f}\u{9b}\u{202e}d\u{2028}"),
            "a\\u001b[2Jb\\u000dc\\u007f\\u009b\\u202ed\\u2028"
        );
        assert!(matches!(printable("ä\n\t日本"), Cow::Borrowed("ä\n\t日本")));
        assert_eq!(printable_line("a\nb\u{8}"), "a b\\u0008");
    }

    #[test]
    fn json_stays_json() {
        let value = serde_json::json!({ "a": "\u{9b}\u{202e}\u{7f}\n" });
        let shown = printable(&value.to_string()).into_owned();
        assert!(!shown.contains(is_unsafe));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
    }
}
