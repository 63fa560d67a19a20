//! What is made of commands: groups, subshells, functions, `case`; and what only looks like one: arithmetic, conditions.

use super::Word;
use super::parse::{DEEPEST, Draft, Parser};

/// What was opened and not closed yet.
#[derive(Debug)]
pub(super) enum Frame {
    Brace,
    Parenthesis,
    Case { in_pattern: bool },
}

impl Parser<'_> {
    /// Words that begin or end something larger; whether this is one.
    pub(super) fn reserved(&mut self, word: &Word, frames: &mut Vec<Frame>) -> bool {
        match word.bare() {
            Some("if" | "then" | "else" | "elif" | "fi" | "while" | "until" | "do" | "done" | "!") => {}
            Some("{") => open(frames, Frame::Brace),
            Some("}") => self.close(frames, |frame| matches!(frame, Frame::Brace)),
            Some("esac") => self.close(frames, |frame| matches!(frame, Frame::Case { .. })),
            Some("[[") => self.skip_condition(),
            _ => return false,
        }
        true
    }

    /// `(`: a function's, arithmetic's, or a subshell's.
    pub(super) fn parenthesis(&mut self, frames: &mut Vec<Frame>, draft: &mut Draft) {
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
        open(frames, Frame::Parenthesis);
    }

    /// The body of a function follows.
    pub(super) fn open_function(&mut self, name: String, frames: &mut Vec<Frame>) {
        self.skip_blanks();
        if self.text[self.at..].starts_with(b"()") {
            self.at += 2;
        }
        self.skip_lines();
        match self.peek(0) {
            Some(b'{') => open(frames, Frame::Brace),
            Some(b'(') => open(frames, Frame::Parenthesis),
            _ => return,
        }
        self.at += 1;
        self.functions.push((name, frames.len()));
    }

    /// Closes the innermost frame of a kind, and those left open in it.
    pub(super) fn close(&mut self, frames: &mut Vec<Frame>, kind: impl Fn(&Frame) -> bool) {
        if let Some(at) = frames.iter().rposition(kind) {
            frames.truncate(at);
            while self.functions.last().is_some_and(|(_, depth)| *depth > at) {
                self.functions.pop();
            }
        }
    }

    /// One pattern of a `case`, up to its bracket, or the end of the `case`.
    pub(super) fn pattern(&mut self, frames: &mut Vec<Frame>) {
        self.skip_lines();
        let start = self.at;
        let word = self.word();
        if word.bare() == Some("esac") {
            frames.pop();
            return;
        }
        match self.peek(0) {
            Some(b')') => {
                if let Some(Frame::Case { in_pattern }) = frames.last_mut() {
                    *in_pattern = false;
                }
                self.at += 1;
            }
            Some(_) if self.at == start => self.at += 1,
            _ => {}
        }
    }

    /// `((…))` from its first bracket on, if it ends in two.
    pub(super) fn skip_arithmetic(&mut self, from: usize) -> bool {
        if self.misses > DEEPEST {
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

    /// `[[ … ]]`, in which `&&`, `||`, `<` and brackets mean something else. It ends with the command at the latest.
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

/// Frames that are too deep are not remembered, so that looking through them stays cheap.
pub(super) fn open(frames: &mut Vec<Frame>, frame: Frame) {
    if frames.len() < 4 * DEEPEST {
        frames.push(frame);
    }
}
