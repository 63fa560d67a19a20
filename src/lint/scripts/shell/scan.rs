//! Words: quotes, escapes and expansions.

use super::parser::ShellParser;
use super::syntax::{ShellWord, VariableReference, WordPiece};
use crate::lint::scripts::mapped_text::{MappedText, UNKNOWN};

/// What is being scanned, which decides what is special and what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuotingContext {
    /// A word of a command.
    Command,
    /// Double quotes.
    Quotes,
    /// `${NAME:-…}`, outside and inside double quotes.
    Braces,
    QuotedBraces,
    /// A here-document, to the end of the text.
    Document,
}

impl QuotingContext {
    fn quoted(self) -> bool {
        matches!(self, Self::Quotes | Self::QuotedBraces | Self::Document)
    }

    fn ends(self, byte: u8) -> bool {
        match self {
            Self::Command => is_meta(byte),
            Self::Quotes => byte == b'"',
            Self::Braces | Self::QuotedBraces => byte == b'}',
            Self::Document => false,
        }
    }
}

/// Whether a byte ends an unquoted word.
pub(super) fn is_meta(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>')
}

/// Whether a byte may be part of the name of a variable.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Collects pieces, and joins adjacent literal text.
#[derive(Default)]
struct PieceList {
    done: Vec<WordPiece>,
}

impl PieceList {
    fn literal(&mut self, text: &MappedText, quoted: bool) {
        match self.done.last_mut() {
            Some(WordPiece::Literal { text: last, quoted: same }) if *same == quoted => last.push(text),
            _ => self.done.push(WordPiece::Literal { text: text.clone(), quoted }),
        }
    }
}

impl ShellParser<'_> {
    /// Reads one word of a command, which is empty if none starts here.
    pub(super) fn word(&mut self) -> ShellWord {
        let start = self.at;
        let pieces = self.pieces(QuotingContext::Command);
        ShellWord { pieces, from: self.source.from(start), to: self.source.to(self.at) }
    }

    /// Reads up to the end of the context, which is left unread.
    pub(super) fn pieces(&mut self, within: QuotingContext) -> Vec<WordPiece> {
        let mut pieces = PieceList::default();
        while let Some(byte) = self.peek(0) {
            if within.ends(byte) {
                break;
            }
            let start = self.at;
            match byte {
                b'\\' => self.escape(within, &mut pieces),
                b'\'' if !within.quoted() => self.single_quotes(&mut pieces),
                b'"' if !matches!(within, QuotingContext::Quotes | QuotingContext::Document) => {
                    self.at += 1;
                    let inner = self.pieces(QuotingContext::Quotes);
                    self.at += usize::from(self.peek(0) == Some(b'"'));
                    if inner.is_empty() {
                        pieces.literal(&MappedText::default(), true);
                    }
                    pieces.done.extend(inner);
                }
                b'$' if self.peek(1) == Some(b'\'') && !within.quoted() => self.ansi_quotes(&mut pieces),
                b'$' if self.peek(1) == Some(b'"') && !within.quoted() => self.at += 1,
                b'$' => self.dollar(within, &mut pieces),
                b'`' => {
                    self.backticks();
                    pieces.done.push(self.unknown(within, start));
                }
                _ if self.text[self.at..].starts_with(UNKNOWN.encode_utf8(&mut [0; 3]).as_bytes()) => {
                    self.at += UNKNOWN.len_utf8();
                    pieces.done.push(self.unknown(within, start));
                }
                _ => {
                    self.at += 1;
                    while self.peek(0).is_some_and(|next| !is_special(next) && !within.ends(next)) {
                        self.at += 1;
                    }
                    pieces.literal(&self.source.part(start..self.at), within.quoted());
                }
            }
        }
        pieces.done
    }

    fn unknown(&self, within: QuotingContext, start: usize) -> WordPiece {
        let (from, to) = (self.source.from(start), self.source.to(self.at));
        WordPiece::Unknown { quoted: within.quoted(), from, to }
    }

    fn escape(&mut self, within: QuotingContext, pieces: &mut PieceList) {
        let start = self.at;
        self.at += 1;
        let Some(next) = self.peek(0) else {
            return pieces.literal(&self.source.part(start..self.at), within.quoted());
        };
        if next == b'\n' {
            self.at += 1;
            return;
        }
        if next == b'\r' && self.peek(1) == Some(b'\n') {
            self.at += 2;
            return;
        }
        let escapes = !within.quoted() || matches!(next, b'$' | b'`' | b'"' | b'\\');
        let length = self.source.text()[self.at..].chars().next().map_or(1, char::len_utf8);
        self.at += length;
        let kept = if escapes { start + 1 } else { start };
        pieces.literal(&self.source.part(kept..self.at), true);
    }

    fn single_quotes(&mut self, pieces: &mut PieceList) {
        let start = self.at + 1;
        let end = memchr::memchr(b'\'', &self.text[start..]).map_or(self.text.len(), |length| start + length);
        pieces.literal(&self.source.part(start..end), true);
        self.at = (end + 1).min(self.text.len());
    }

    /// `$'…'`: escapes as in C. Those that cannot be a part of a command are kept literally.
    fn ansi_quotes(&mut self, pieces: &mut PieceList) {
        self.at += 2;
        let mut text = MappedText::default();
        while let Some(byte) = self.peek(0).filter(|byte| *byte != b'\'') {
            let start = self.at;
            let length = self.source.text()[self.at..].chars().next().map_or(1, char::len_utf8);
            self.at += length;
            let plain = match (byte, self.peek(0)) {
                (b'\\', Some(b'n')) => "\n",
                (b'\\', Some(b't')) => "\t",
                (b'\\', Some(b'\\')) => "\\",
                (b'\\', Some(b'\'')) => "'",
                (b'\\', Some(b'"')) => "\"",
                _ => {
                    text.push_part(self.source, start..self.at);
                    continue;
                }
            };
            self.at += 1;
            text.push_for(plain, self.source.from(start), self.source.to(self.at));
        }
        self.at += usize::from(self.peek(0).is_some());
        pieces.literal(&text, true);
    }

    /// `$…`: a variable, a substitution, arithmetic, or a literal dollar.
    fn dollar(&mut self, within: QuotingContext, pieces: &mut PieceList) {
        let start = self.at;
        match self.peek(1) {
            Some(b'(') if self.peek(2) == Some(b'(') && self.skip_arithmetic(self.at + 1) => {}
            Some(b'(') => {
                self.at += 2;
                self.substitution();
            }
            Some(b'{') if self.peek(2) == Some(b'{') => self.skip_template(),
            Some(b'{') => {
                if let Some(variable) = self.braces(within) {
                    return pieces.done.push(WordPiece::Variable(variable));
                }
            }
            Some(byte) if is_name(byte) || matches!(byte, b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-') => {
                self.at += 2;
                if is_name(byte) && !byte.is_ascii_digit() {
                    self.skip_name();
                }
                let name = self.source.text()[start + 1..self.at].to_owned();
                let (from, to) = (self.source.from(start), self.source.to(self.at));
                let list = matches!(byte, b'@' | b'*');
                let quoted = within.quoted();
                return pieces.done.push(WordPiece::Variable(VariableReference {
                    name,
                    default: None,
                    quoted,
                    list,
                    from,
                    to,
                }));
            }
            _ => {
                self.at += 1;
                return pieces.literal(&self.source.part(start..self.at), within.quoted());
            }
        }
        pieces.done.push(self.unknown(within, start));
    }

    fn skip_name(&mut self) {
        while self.peek(0).is_some_and(is_name) {
            self.at += 1;
        }
    }

    /// `${{ … }}` of a workflow.
    fn skip_template(&mut self) {
        let end = memchr::memmem::find(&self.text[self.at..], b"}}");
        self.at = end.map_or(self.text.len(), |length| self.at + length + 2);
    }

    /// Reads `${…}`. `None` if its value cannot be followed.
    fn braces(&mut self, within: QuotingContext) -> Option<VariableReference> {
        let start = self.at;
        self.at += 2;
        let name_at = self.at;
        match self.peek(0) {
            Some(b'@' | b'*') => self.at += 1,
            _ => self.skip_name(),
        }
        let name = self.source.text()[name_at..self.at].to_owned();
        // All elements of an array. A single element is not followed.
        let list = matches!(self.text.get(self.at..self.at + 3), Some(b"[@]" | b"[*]"));
        self.at += if list { 3 } else { 0 };
        let plain = self.peek(0) == Some(b'}');
        let default = match (self.peek(0), self.peek(1)) {
            (Some(b':'), Some(b'-' | b'=')) => Some(2),
            (Some(b'-' | b'='), _) => Some(1),
            _ => None,
        };
        self.at += default.unwrap_or(0);
        let inner = if within.quoted() { QuotingContext::QuotedBraces } else { QuotingContext::Braces };
        let word_at = self.at;
        let pieces = self.deeper(|parser| parser.pieces(inner));
        let word = ShellWord { pieces, from: self.source.from(word_at), to: self.source.to(self.at) };
        self.at += usize::from(self.peek(0) == Some(b'}'));
        if name.is_empty() || !(plain || default.is_some()) {
            return None;
        }
        let list = list || matches!(name.as_str(), "@" | "*");
        let (from, to) = (self.source.from(start), self.source.to(self.at));
        Some(VariableReference {
            name,
            default: default.map(|_| word),
            quoted: within.quoted(),
            list,
            from,
            to,
        })
    }
}

/// Whether a byte may start something other than literal text.
fn is_special(byte: u8) -> bool {
    // The last is the first byte of `UNKNOWN`.
    matches!(byte, b'\\' | b'\'' | b'"' | b'$' | b'`' | 0xef)
}
