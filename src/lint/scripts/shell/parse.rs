//! Commands: what stands between `;`, `&&`, `|`, line ends and brackets, in the order of the text.

use super::compound::{Frame, open};
use super::scan::{Within, is_name};
use super::{Piece, Word};
use crate::lint::scripts::snippet::Snippet;

/// Brackets and substitutions deeper than this are not read: no person writes them.
pub(super) const DEEPEST: usize = 64;

/// What a script does, flat: commands inside of others stand before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    /// `NAME=value` that outlives the line; several words for a list.
    Assignment {
        name: String,
        values: Vec<Word>,
    },
    Command(Command),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Command {
    pub words: Vec<Word>,
    /// What here-documents and here-strings give it to read.
    pub input: Vec<Snippet>,
    /// The function in whose body it stands.
    pub function: Option<String>,
}

/// Reads a script.
pub(crate) fn parse(source: &Snippet) -> Vec<Statement> {
    let mut parser = Parser::new(source, 0);
    while parser.at < parser.text.len() {
        parser.list();
    }
    parser.done
}

pub(super) struct Parser<'a> {
    pub(super) source: &'a Snippet,
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) done: Vec<Statement>,
    /// Here-documents whose text has not begun.
    pub(super) awaited: Vec<super::redirect::Awaited>,
    /// How often `((` was no arithmetic; after a while it is not looked for any more.
    pub(super) misses: usize,
    /// The functions whose bodies are open, and how many frames there are in each.
    pub(super) functions: Vec<(String, usize)>,
}

/// One simple command in the making.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) command: Command,
    assignments: Vec<(String, Vec<Word>)>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(source: &'a Snippet, depth: usize) -> Self {
        Self {
            source,
            text: source.text().as_bytes(),
            at: 0,
            depth,
            done: Vec::new(),
            awaited: Vec::new(),
            misses: 0,
            functions: Vec::new(),
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Goes one level deeper; at the bottom the rest of the text is given up.
    pub(super) fn deeper<T: Default>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= DEEPEST {
            self.at = self.text.len();
            return T::default();
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// `$(…)`, behind its bracket.
    pub(super) fn substitution(&mut self) {
        self.deeper(Self::list);
    }

    /// `` `…` ``: a script of its own, in which a backslash hides less.
    pub(super) fn backticks(&mut self) {
        self.at += 1;
        let mut inner = Snippet::default();
        while let Some(byte) = self.peek(0).filter(|byte| *byte != b'`') {
            let escaped = byte == b'\\' && matches!(self.peek(1), Some(b'`' | b'\\' | b'$'));
            self.at += usize::from(escaped);
            let length = self.source.text()[self.at..].chars().next().map_or(1, char::len_utf8);
            inner.push_part(self.source, self.at..self.at + length);
            self.at += length;
        }
        self.at += usize::from(self.peek(0).is_some());
        self.nested(&inner, read_list);
    }

    /// Reads another text as a part of this script.
    pub(super) fn nested(&mut self, inner: &Snippet, mut read: impl FnMut(&mut Parser<'_>)) {
        if self.depth >= DEEPEST {
            return;
        }
        let mut parser = Parser::new(inner, self.depth + 1);
        while parser.at < parser.text.len() {
            read(&mut parser);
        }
        self.done.append(&mut parser.done);
    }

    /// Reads commands up to a closing bracket that none of them opened, or to the end.
    pub(super) fn list(&mut self) {
        let functions = self.functions.len();
        let mut frames: Vec<Frame> = Vec::new();
        let mut draft = Draft::default();
        loop {
            self.skip_blanks();
            let Some(byte) = self.peek(0) else { break };
            if let Some(Frame::Case { in_pattern: true }) = frames.last() {
                self.pattern(&mut frames);
                continue;
            }
            match byte {
                b'\n' => {
                    self.finish(&mut draft);
                    self.at += 1;
                    self.read_awaited();
                }
                b')' => {
                    self.finish(&mut draft);
                    self.at += 1;
                    if !frames.iter().any(|frame| matches!(frame, Frame::Parenthesis)) {
                        break;
                    }
                    self.close(&mut frames, |frame| matches!(frame, Frame::Parenthesis));
                }
                b'(' => self.parenthesis(&mut frames, &mut draft),
                b'&' if self.peek(1) == Some(b'>') => {
                    self.at += 1;
                    self.redirection(&mut draft.command);
                }
                b';' | b'&' | b'|' => {
                    self.finish(&mut draft);
                    let ends_case = byte == b';' && matches!(self.peek(1), Some(b';' | b'&'));
                    while matches!(self.peek(0), Some(b';' | b'&' | b'|')) {
                        self.at += 1;
                    }
                    if ends_case && let Some(Frame::Case { in_pattern }) = frames.last_mut() {
                        *in_pattern = true;
                    }
                }
                b'<' | b'>' if self.peek(1) != Some(b'(') => self.redirection(&mut draft.command),
                b'<' | b'>' => {
                    self.at += 2;
                    self.substitution();
                }
                _ => self.next_word(&mut frames, &mut draft),
            }
        }
        self.finish(&mut draft);
        self.functions.truncate(functions);
    }

    fn next_word(&mut self, frames: &mut Vec<Frame>, draft: &mut Draft) {
        let start = self.at;
        let word = self.word();
        if self.at == start {
            // Cannot happen; a shell script must not be able to hold us up all the same.
            self.at += 1;
            return;
        }
        if self.peek(0) == Some(b'(')
            && let Some(name) = word.bare().and_then(|text| text.strip_suffix('='))
            && is_variable(name.trim_end_matches('+'))
        {
            let values = self.elements();
            draft.assignments.push((name.trim_end_matches('+').to_owned(), values));
            return;
        }
        let words = &mut draft.command.words;
        if words.is_empty() {
            if self.reserved(&word, frames) {
                return;
            }
            if let Some((name, value)) = assignment(&word) {
                draft.assignments.push((name, vec![value]));
                return;
            }
        }
        if word.bare() == Some("in") && words.len() == 2 && words[0].bare() == Some("case") {
            words.clear();
            open(frames, Frame::Case { in_pattern: true });
            return;
        }
        words.push(word);
        if words.len() == 2 && words[0].bare() == Some("function") {
            let name = words[1].bare().unwrap_or_default().to_owned();
            words.clear();
            self.open_function(name, frames);
        }
    }

    pub(super) fn finish(&mut self, draft: &mut Draft) {
        let Draft { mut command, assignments } = std::mem::take(draft);
        let declares = matches!(
            command.words.first().and_then(Word::bare),
            Some("export" | "local" | "readonly" | "declare" | "typeset")
        );
        // In front of another command they are for that command alone.
        if command.words.is_empty() || declares {
            let exported =
                command.words.iter().filter_map(assignment).map(|(name, value)| (name, vec![value]));
            let all = assignments.into_iter().chain(exported);
            self.done.extend(all.map(|(name, values)| Statement::Assignment { name, values }));
        }
        if matches!(command.words.first().and_then(Word::bare), Some("for" | "select" | "case")) || declares {
            return;
        }
        if !command.words.is_empty() {
            command.function = self.functions.last().map(|(name, _)| name.clone());
            self.done.push(Statement::Command(command));
        }
    }

    /// The elements of `NAME=(…)`.
    fn elements(&mut self) -> Vec<Word> {
        self.at += 1;
        let mut words = Vec::new();
        loop {
            self.skip_lines();
            let start = self.at;
            match self.peek(0) {
                None => return words,
                Some(b')') => {
                    self.at += 1;
                    return words;
                }
                Some(_) => words.push(self.word()),
            }
            if self.at == start {
                self.at += 1;
            }
        }
    }
}

/// A word `NAME=value`, taken apart.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let [Piece::Literal { text, quoted: false }, rest @ ..] = &word.pieces[..] else { return None };
    let (name, _) = text.text().split_once('=')?;
    let value_at = name.len() + 1;
    let name = name.trim_end_matches('+');
    if !is_variable(name) {
        return None;
    }
    let first = Piece::Literal { text: text.part(value_at..text.len()), quoted: false };
    let pieces = std::iter::once(first).chain(rest.iter().cloned()).collect();
    Some((name.to_owned(), Word { pieces, from: text.from(value_at), to: word.to }))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_name)
}

/// For backticks.
fn read_list(parser: &mut Parser<'_>) {
    parser.list();
}

/// For a here-document whose delimiter is not quoted.
pub(super) fn read_document(parser: &mut Parser<'_>) {
    parser.pieces(Within::Document);
}
