//! Prompts. Answering `y` would become a habit, so the name of what is at stake has to be typed.
//!
//! The terminal itself edits the line, as for any program that reads one. Only Ctrl-C and Ctrl-\ differ: they end the
//! line instead of this process, so that the command learns of them and can say what was left as it was.

use std::io::stdin;

use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use crate::process;

/// What a prompt got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A line, without its end.
    Typed(String),
    /// Ctrl-D, or a terminal that went away.
    EndOfInput,
    /// Ctrl-C.
    Interrupted,
}

/// The longest line that a terminal hands out.
const LINE: usize = 4096;

/// The text of a prompt.
pub(super) fn text(word: &str) -> String {
    format!("Type `{word}` to confirm (anything else cancels): ")
}

/// Reads a line from the terminal. `show` prints the prompt: what was typed before it appeared is discarded.
pub(super) fn read(show: impl FnOnce()) -> Reply {
    process::without_interrupt(|| {
        let Some(mode) = PromptMode::enter() else { return Reply::EndOfInput };
        show();
        read_line(&mode)
    })
}

fn read_line(mode: &PromptMode) -> Reply {
    let mut buffer = [0; LINE];
    loop {
        // Not through the buffered reader of `std`, which could hold what was typed before.
        let line = match rustix::io::read(stdin(), &mut buffer) {
            Err(Errno::INTR) => continue,
            Err(_) => &[],
            Ok(length) => &buffer[..length],
        };
        return match line.split_last() {
            Some((b'\n', line)) => Reply::Typed(String::from_utf8_lossy(line).into_owned()),
            Some((last, _)) if mode.interrupts(*last) => Reply::Interrupted,
            Some(_) | None => Reply::EndOfInput,
        };
    }
}

/// The terminal as a prompt needs it; dropping it restores what was set before.
struct PromptMode {
    before: Termios,
}

impl PromptMode {
    /// Sets it, and discards what was typed until now.
    fn enter() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut mode = before.clone();
        mode.local_modes.insert(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        mode.local_modes.remove(LocalModes::ISIG);
        mode.special_codes[SpecialCodeIndex::VEOL] = before.special_codes[SpecialCodeIndex::VINTR];
        mode.special_codes[SpecialCodeIndex::VEOL2] = before.special_codes[SpecialCodeIndex::VQUIT];
        tcsetattr(stdin(), OptionalActions::Flush, &mode).ok()?;
        Some(Self { before })
    }

    /// Whether a key ends a program.
    fn interrupts(&self, key: u8) -> bool {
        let codes = &self.before.special_codes;
        [SpecialCodeIndex::VINTR, SpecialCodeIndex::VQUIT].into_iter().any(|index| codes[index] == key)
    }
}

impl Drop for PromptMode {
    fn drop(&mut self) {
        // It fails only when the terminal has gone away.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}
