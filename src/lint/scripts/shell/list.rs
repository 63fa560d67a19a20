//! Lists of commands: what is between `;`, `&&`, `|`, line ends and brackets, in the order of the text.

use super::parser::{CommandDraft, CompoundFrame, MAX_DEPTH, ShellParser};
use super::scan::is_name;
use super::syntax::{ShellStatement, ShellWord, WordPiece};
use crate::lint::scripts::mapped_text::MappedText;

/// Reads a script.
pub(in crate::lint::scripts) fn parse(source: &MappedText) -> Vec<ShellStatement> {
    let mut parser = ShellParser::new(source, 0);
    while parser.at < parser.text.len() {
        parser.list();
    }
    parser.done
}

impl ShellParser<'_> {
    /// The commands of `$(…)`, after its bracket.
    pub(super) fn substitution(&mut self) {
        self.deeper(Self::list);
    }

    /// `` `…` ``: a separate script, in which a backslash escapes fewer characters.
    pub(super) fn backticks(&mut self) {
        self.at += 1;
        let mut inner = MappedText::default();
        while let Some(byte) = self.peek(0).filter(|byte| *byte != b'`') {
            let escaped = byte == b'\\' && matches!(self.peek(1), Some(b'`' | b'\\' | b'$'));
            self.at += usize::from(escaped);
            let length = self.source.text()[self.at..].chars().next().map_or(1, char::len_utf8);
            inner.push_part(self.source, self.at..self.at + length);
            self.at += length;
        }
        self.at += usize::from(self.peek(0).is_some());
        self.nested(&inner, |parser| {
            parser.list();
        });
    }

    /// Reads another text as a part of this script.
    pub(super) fn nested(&mut self, inner: &MappedText, mut read: impl FnMut(&mut ShellParser<'_>)) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        let mut parser = ShellParser::new(inner, self.depth + 1);
        while parser.at < parser.text.len() {
            read(&mut parser);
        }
        self.done.append(&mut parser.done);
    }

    /// Reads commands up to a closing bracket that none of them opened, or to the end.
    pub(super) fn list(&mut self) {
        let functions = self.functions.len();
        let mut frames: Vec<CompoundFrame> = Vec::new();
        let mut draft = CommandDraft::default();
        loop {
            self.skip_blanks();
            let Some(byte) = self.peek(0) else { break };
            if let Some(CompoundFrame::Case { in_pattern: true }) = frames.last() {
                self.pattern(&mut frames);
                continue;
            }
            match byte {
                b'\n' => {
                    self.finish(&mut draft);
                    self.at += 1;
                    self.read_here_documents();
                }
                b')' => {
                    self.finish(&mut draft);
                    self.at += 1;
                    if !frames.iter().any(|frame| matches!(frame, CompoundFrame::Parenthesis)) {
                        break;
                    }
                    self.close(&mut frames, |frame| matches!(frame, CompoundFrame::Parenthesis));
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
                    if ends_case && let Some(CompoundFrame::Case { in_pattern }) = frames.last_mut() {
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

    fn next_word(&mut self, frames: &mut Vec<CompoundFrame>, draft: &mut CommandDraft) {
        let start = self.at;
        let word = self.word();
        if self.at == start {
            // No word starts here. Skip a byte, so that reading always ends.
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
            Self::open(frames, CompoundFrame::Case { in_pattern: true });
            return;
        }
        words.push(word);
        if words.len() == 2 && words[0].bare() == Some("function") {
            let name = words[1].bare().unwrap_or_default().to_owned();
            words.clear();
            self.open_function(name, frames);
        }
    }

    pub(super) fn finish(&mut self, draft: &mut CommandDraft) {
        let CommandDraft { mut command, assignments } = std::mem::take(draft);
        let declares = matches!(
            command.words.first().and_then(ShellWord::bare),
            Some("export" | "local" | "readonly" | "declare" | "typeset")
        );
        // Before another command they apply to that command only.
        if command.words.is_empty() || declares {
            let exported =
                command.words.iter().filter_map(assignment).map(|(name, value)| (name, vec![value]));
            let all = assignments.into_iter().chain(exported);
            self.done.extend(all.map(|(name, values)| ShellStatement::Assignment { name, values }));
        }
        if matches!(command.words.first().and_then(ShellWord::bare), Some("for" | "select" | "case"))
            || declares
        {
            return;
        }
        if !command.words.is_empty() {
            command.function = self.functions.last().map(|(name, _)| name.clone());
            self.done.push(ShellStatement::Command(command));
        }
    }

    /// The elements of `NAME=(…)`.
    fn elements(&mut self) -> Vec<ShellWord> {
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

/// The name and value of a word `NAME=value`.
fn assignment(word: &ShellWord) -> Option<(String, ShellWord)> {
    let [WordPiece::Literal { text, quoted: false }, rest @ ..] = &word.pieces[..] else { return None };
    let (name, _) = text.text().split_once('=')?;
    let value_at = name.len() + 1;
    let name = name.trim_end_matches('+');
    if !is_variable(name) {
        return None;
    }
    let first = WordPiece::Literal { text: text.part(value_at..text.len()), quoted: false };
    let pieces = std::iter::once(first).chain(rest.iter().cloned()).collect();
    Some((name.to_owned(), ShellWord { pieces, from: text.from(value_at), to: word.to }))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_name)
}
