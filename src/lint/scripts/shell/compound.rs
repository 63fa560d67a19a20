//! Compound commands: groups, subshells, functions, `case`; and what looks like one: arithmetic, conditions.

use super::parser::{CommandDraft, CompoundFrame, MAX_DEPTH, ShellParser};
use super::syntax::ShellWord;

impl ShellParser<'_> {
    /// Handles a reserved word. `false` if the word is not one.
    pub(super) fn reserved(&mut self, word: &ShellWord, frames: &mut Vec<CompoundFrame>) -> bool {
        match word.bare() {
            Some("if" | "then" | "else" | "elif" | "fi" | "while" | "until" | "do" | "done" | "!") => {}
            Some("{") => Self::open(frames, CompoundFrame::Brace),
            Some("}") => self.close(frames, |frame| matches!(frame, CompoundFrame::Brace)),
            Some("esac") => self.close(frames, |frame| matches!(frame, CompoundFrame::Case { .. })),
            Some("[[") => self.skip_condition(),
            _ => return false,
        }
        true
    }

    /// `(`: of a function, of arithmetic, or of a subshell.
    pub(super) fn parenthesis(&mut self, frames: &mut Vec<CompoundFrame>, draft: &mut CommandDraft) {
        if draft.command.words.is_empty() && self.peek(1) == Some(b'(') && self.skip_arithmetic(self.at) {
            return;
        }
        self.at += 1;
        if let [name] = &draft.command.words[..]
            && let Some(name) = name.bare()
        {
            self.skip_blanks();
            if self.peek(0) == Some(b')') {
                self.at += 1;
                let name = name.to_owned();
                draft.command.words.clear();
                self.open_function(name, frames);
                return;
            }
        }
        self.finish(draft);
        Self::open(frames, CompoundFrame::Parenthesis);
    }

    /// Opens the body of a function.
    pub(super) fn open_function(&mut self, name: String, frames: &mut Vec<CompoundFrame>) {
        self.skip_blanks();
        if self.text[self.at..].starts_with(b"()") {
            self.at += 2;
        }
        self.skip_lines();
        match self.peek(0) {
            Some(b'{') => Self::open(frames, CompoundFrame::Brace),
            Some(b'(') => Self::open(frames, CompoundFrame::Parenthesis),
            _ => return,
        }
        self.at += 1;
        self.functions.push((name, frames.len()));
    }

    /// Closes the innermost frame of a kind, with those still open in it.
    pub(super) fn close(&mut self, frames: &mut Vec<CompoundFrame>, kind: impl Fn(&CompoundFrame) -> bool) {
        if let Some(at) = frames.iter().rposition(kind) {
            frames.truncate(at);
            while self.functions.last().is_some_and(|(_, depth)| *depth > at) {
                self.functions.pop();
            }
        }
    }

    /// One pattern of a `case`, up to its bracket, or the end of the `case`.
    pub(super) fn pattern(&mut self, frames: &mut Vec<CompoundFrame>) {
        self.skip_lines();
        let start = self.at;
        let word = self.word();
        if word.bare() == Some("esac") {
            frames.pop();
            return;
        }
        match self.peek(0) {
            Some(b')') => {
                if let Some(CompoundFrame::Case { in_pattern }) = frames.last_mut() {
                    *in_pattern = false;
                }
                self.at += 1;
            }
            Some(_) if self.at == start => self.at += 1,
            _ => {}
        }
    }

    /// Skips `((…))`, if it ends in two brackets.
    pub(super) fn skip_arithmetic(&mut self, from: usize) -> bool {
        if self.misses > MAX_DEPTH {
            return false;
        }
        let mut open = 0_usize;
        for (at, byte) in self.text.iter().enumerate().skip(from) {
            match byte {
                b'(' => open += 1,
                b')' => open -= 1,
                _ => continue,
            }
            if open == 0 {
                let ends = self.text[at - 1] == b')';
                if ends {
                    self.at = at + 1;
                    return true;
                }
                break;
            }
        }
        self.misses += 1;
        false
    }

    /// Skips `[[ … ]]`, in which `&&`, `||`, `<` and brackets have another meaning, at most to the end of the command.
    pub(super) fn skip_condition(&mut self) {
        loop {
            self.skip_blanks();
            let start = self.at;
            match self.peek(0) {
                None | Some(b'\n' | b';') => return,
                Some(b'&' | b'|' | b'(' | b')' | b'<' | b'>') => self.at += 1,
                Some(_) if self.word().bare() == Some("]]") => return,
                Some(_) => self.at += usize::from(self.at == start),
            }
        }
    }
}
