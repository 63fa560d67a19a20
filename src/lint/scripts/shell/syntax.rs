//! What a shell script consists of.

use crate::lint::scripts::mapped_text::MappedText;

/// A word as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::lint::scripts) struct ShellWord {
    pub pieces: Vec<WordPiece>,
    /// The range in the file.
    pub from: usize,
    pub to: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint::scripts) enum WordPiece {
    /// Text without its quotes.
    Literal {
        text: MappedText,
        quoted: bool,
    },
    Variable(VariableReference),
    /// What only a run can tell: the output of a command, arithmetic, a template of another program.
    Unknown {
        quoted: bool,
        from: usize,
        to: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint::scripts) struct VariableReference {
    pub name: String,
    /// The default of `${NAME:-…}` and similar forms.
    pub default: Option<ShellWord>,
    pub quoted: bool,
    /// All elements of an array, each a word: `${NAME[@]}`, `$@`.
    pub list: bool,
    pub from: usize,
    pub to: usize,
}

impl ShellWord {
    /// The word, if it is literal and unquoted. Only such a word can be reserved.
    pub(super) fn bare(&self) -> Option<&str> {
        match &self.pieces[..] {
            [WordPiece::Literal { text, quoted: false }] => Some(text.text()),
            _ => None,
        }
    }
}

/// What a script does, in order: commands inside other commands come before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lint::scripts) enum ShellStatement {
    /// `NAME=value` that later commands see; several words for an array.
    Assignment {
        name: String,
        values: Vec<ShellWord>,
    },
    Command(SimpleCommand),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::lint::scripts) struct SimpleCommand {
    pub words: Vec<ShellWord>,
    /// The here-documents and here-strings that it reads.
    pub input: Vec<MappedText>,
    /// The function whose body it is in.
    pub function: Option<String>,
}
