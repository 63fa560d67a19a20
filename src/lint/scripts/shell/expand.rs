//! Expands words to arguments, with the variables, arrays and functions of the same script.

use std::collections::HashMap;

use super::list::parse;
use super::syntax::{ShellStatement, ShellWord, VariableReference, WordPiece};
use crate::lint::scripts::mapped_text::{MappedText, UNKNOWN};

/// The longest value that is followed. A script that doubles a value on every line must not fill the memory.
const MAX_VALUE_LENGTH: usize = 1024;

/// The most arguments, and the most text from variables, in one command.
const MAX_ARGUMENTS: usize = 200;
const MAX_TEXT: usize = 65_536;

/// An argument of a program, as far as it is known without a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::lint::scripts) struct ShellArgument {
    /// With [`UNKNOWN`] for what is not known.
    pub text: MappedText,
    /// It is a single unknown, so it may expand to no argument or to several.
    pub open: bool,
    /// The variable that it consists of, if its value is not known.
    pub variable: Option<String>,
    pub from: usize,
    pub to: usize,
}

impl ShellArgument {
    pub(in crate::lint::scripts) fn as_str(&self) -> &str {
        self.text.text()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Atom {
    Text(String),
    Unknown,
    /// The boundary between two elements of an array.
    Break,
}

/// The variables and functions of a script.
#[derive(Debug, Clone, Default)]
pub(in crate::lint::scripts) struct ShellScope<'a> {
    variables: HashMap<String, Vec<Atom>>,
    /// Functions and aliases that pass on their arguments: the words of the command that they call.
    functions: HashMap<String, Vec<ShellWord>>,
    /// The scope of the script that runs this one.
    outer: Option<&'a ShellScope<'a>>,
}

impl ShellScope<'_> {
    /// The scope of a script that this one runs.
    pub(in crate::lint::scripts) fn within(&self) -> ShellScope<'_> {
        ShellScope { outer: Some(self), ..ShellScope::default() }
    }

    fn variable(&self, name: &str) -> Option<&[Atom]> {
        let own = self.variables.get(name).map(Vec::as_slice);
        own.or_else(|| self.outer.and_then(|outer| outer.variable(name)))
    }

    fn function(&self, name: &str) -> Option<&[ShellWord]> {
        let own = self.functions.get(name).map(Vec::as_slice);
        own.or_else(|| self.outer.and_then(|outer| outer.function(name)))
    }

    /// Sets a variable to text.
    pub(in crate::lint::scripts) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), vec![Atom::Text(value.to_owned())]);
    }

    /// Adds what a statement defines.
    pub(in crate::lint::scripts) fn define(&mut self, statement: &ShellStatement) {
        match statement {
            ShellStatement::Assignment { name, values } => {
                let mut atoms = Vec::new();
                for (index, word) in values.iter().enumerate() {
                    if index > 0 {
                        atoms.push(Atom::Break);
                    }
                    self.evaluate(word, &mut atoms);
                }
                let length: usize = atoms.iter().map(Atom::len).sum();
                let atoms = if length > MAX_VALUE_LENGTH { vec![Atom::Unknown] } else { atoms };
                self.variables.insert(name.clone(), atoms);
            }
            ShellStatement::Command(command) => {
                if let Some(function) = &command.function
                    && command.words.iter().skip(1).any(is_everything)
                {
                    self.functions.entry(function.clone()).or_insert_with(|| command.words.clone());
                }
                if command.words.first().and_then(ShellWord::bare) == Some("alias") {
                    for definition in self.arguments(&command.words[1..]) {
                        self.define_alias(&definition);
                    }
                }
            }
        }
    }

    fn define_alias(&mut self, definition: &ShellArgument) {
        let Some((name, _)) = definition.as_str().split_once('=') else { return };
        let value = definition.text.part(name.len() + 1..definition.text.len());
        if let Some(ShellStatement::Command(command)) = parse(&value).into_iter().next() {
            let mut words = command.words;
            words.push(everything());
            self.functions.insert(name.to_owned(), words);
        }
    }

    fn evaluate(&self, word: &ShellWord, atoms: &mut Vec<Atom>) {
        for piece in &word.pieces {
            match piece {
                WordPiece::Literal { text, .. } if text.is_empty() => {}
                WordPiece::Literal { text, .. } => atoms.push(Atom::Text(text.text().to_owned())),
                WordPiece::Unknown { .. } => atoms.push(Atom::Unknown),
                WordPiece::Variable(variable) => match (self.variable(&variable.name), &variable.default) {
                    (Some(value), _) => atoms.extend_from_slice(value),
                    (None, Some(default)) => self.evaluate(default, atoms),
                    (None, None) => atoms.push(Atom::Unknown),
                },
            }
        }
    }

    /// The arguments that words expand to.
    pub(in crate::lint::scripts) fn arguments(&self, words: &[ShellWord]) -> Vec<ShellArgument> {
        let mut fields = Fields::default();
        for word in words {
            fields.end();
            for piece in &word.pieces {
                self.expand(piece, false, &mut fields);
            }
            fields.close(word);
        }
        fields.end();
        fields.done
    }

    fn expand(&self, piece: &WordPiece, in_default: bool, fields: &mut Fields) {
        match piece {
            WordPiece::Literal { text, quoted } if !quoted && in_default => {
                let (from, to) = (text.from(0), text.to(text.len()));
                fields.split(text.text(), from, to);
            }
            WordPiece::Literal { text, .. } => fields.current(text.from(0)).text.push(text),
            WordPiece::Unknown { quoted, from, to } => fields.unknown(None, !quoted, *from, *to),
            WordPiece::Variable(variable) => self.expand_variable(variable, fields),
        }
    }

    fn expand_variable(&self, variable: &VariableReference, fields: &mut Fields) {
        let VariableReference { name, default, quoted, list, from, to } = variable;
        match (self.variable(name), default) {
            (Some(value), _) => {
                fields.expanded += value.iter().map(Atom::len).sum::<usize>();
                if fields.expanded > MAX_TEXT {
                    return fields.unknown(None, !quoted, *from, *to);
                }
                if matches!(value, [Atom::Unknown]) {
                    return fields.unknown(Some(name), !quoted, *from, *to);
                }
                for atom in value {
                    match atom {
                        Atom::Text(text) if *quoted => fields.current(*from).text.push_for(text, *from, *to),
                        Atom::Text(text) => fields.split(text, *from, *to),
                        Atom::Unknown => fields.unknown(None, !quoted, *from, *to),
                        Atom::Break => fields.end(),
                    }
                }
            }
            (None, Some(word)) => {
                for piece in &word.pieces {
                    self.expand(piece, !quoted, fields);
                }
            }
            (None, None) => {
                fields.unknown(Some(name), !quoted || *list, *from, *to);
            }
        }
    }

    /// The command that a function of the script calls, if it passes on its arguments.
    pub(in crate::lint::scripts) fn through_function(
        &self,
        arguments: &[ShellArgument],
    ) -> Option<Vec<ShellArgument>> {
        let (name, given) = arguments.split_first()?;
        let mut all = Vec::new();
        for word in self.function(name.as_str())? {
            if all.len() > MAX_ARGUMENTS {
                break;
            }
            if is_everything(word) {
                all.extend_from_slice(given);
            } else {
                all.extend(self.arguments(std::slice::from_ref(word)));
            }
        }
        Some(all)
    }
}

impl Atom {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Unknown | Self::Break => 1,
        }
    }
}

fn everything() -> ShellWord {
    let name = "@".to_owned();
    let piece = WordPiece::Variable(VariableReference {
        name,
        default: None,
        quoted: true,
        list: true,
        from: 0,
        to: 0,
    });
    ShellWord { pieces: vec![piece], from: 0, to: 0 }
}

/// `"$@"` or `$*`.
fn is_everything(word: &ShellWord) -> bool {
    matches!(&word.pieces[..], [WordPiece::Variable(variable)] if matches!(variable.name.as_str(), "@" | "*"))
}

#[derive(Default)]
struct Fields {
    done: Vec<ShellArgument>,
    open: Option<ShellArgument>,
    /// How much text came from variables.
    expanded: usize,
}

impl Fields {
    fn current(&mut self, from: usize) -> &mut ShellArgument {
        let argument = self.open.get_or_insert_with(|| ShellArgument { from, ..ShellArgument::default() });
        argument.open = false;
        argument.variable = None;
        argument
    }

    fn unknown(&mut self, variable: Option<&String>, open: bool, from: usize, to: usize) {
        let alone = self.open.is_none();
        let argument = self.current(from);
        argument.text.push_for(UNKNOWN.encode_utf8(&mut [0; 3]), from, to);
        if alone {
            argument.open = open;
            argument.variable = variable.cloned();
        }
    }

    /// Splits an unquoted value at blanks.
    fn split(&mut self, text: &str, from: usize, to: usize) {
        for (index, part) in text.split([' ', '\t', '\n']).enumerate() {
            if index > 0 {
                self.end();
            }
            if !part.is_empty() {
                self.current(from).text.push_for(part, from, to);
            }
        }
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    /// Ends a written word, and sets the end of its arguments.
    fn close(&mut self, word: &ShellWord) {
        if let Some(argument) = &mut self.open {
            argument.to = word.to;
        }
        for argument in self.done.iter_mut().rev().take_while(|argument| argument.to == 0) {
            argument.to = word.to;
        }
    }
}
