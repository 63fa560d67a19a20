//! From words to arguments: what variables, lists and functions of the same script stand for.

use std::collections::HashMap;

use super::parse::{Statement, parse};
use super::{Piece, Variable, Word};
use crate::lint::scripts::snippet::{Snippet, UNKNOWN};

/// A value longer than this is not followed: doubling one on every line of a script must not fill the memory.
const LONGEST: usize = 1024;

/// Nor are more arguments than this, or more text out of variables, in one command.
const MOST: usize = 200;
const MOST_TEXT: usize = 65_536;

/// What a program gets, as far as it can be known without a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Argument {
    /// With [`UNKNOWN`] in the place of what is not known.
    pub text: Snippet,
    /// It is nothing but one unknown, so it may be no word at all, or several.
    pub open: bool,
    /// The variable that it is and that nothing is known of.
    pub variable: Option<String>,
    pub from: usize,
    pub to: usize,
}

impl Argument {
    pub(crate) fn as_str(&self) -> &str {
        self.text.text()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Atom {
    Text(String),
    Unknown,
    /// Between the elements of a list.
    Break,
}

/// What the names of a script stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope<'a> {
    variables: HashMap<String, Vec<Atom>>,
    /// Functions and aliases that hand their arguments on: the words of that command.
    functions: HashMap<String, Vec<Word>>,
    /// That of the script which runs this one.
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    /// For a script within this one.
    pub(crate) fn within(&self) -> Scope<'_> {
        Scope { outer: Some(self), ..Scope::default() }
    }

    fn variable(&self, name: &str) -> Option<&[Atom]> {
        let own = self.variables.get(name).map(Vec::as_slice);
        own.or_else(|| self.outer.and_then(|outer| outer.variable(name)))
    }

    fn function(&self, name: &str) -> Option<&[Word]> {
        let own = self.functions.get(name).map(Vec::as_slice);
        own.or_else(|| self.outer.and_then(|outer| outer.function(name)))
    }

    /// Sets a variable to text.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), vec![Atom::Text(value.to_owned())]);
    }

    /// Takes in what a statement defines.
    pub(crate) fn define(&mut self, statement: &Statement) {
        match statement {
            Statement::Assignment { name, values } => {
                let mut atoms = Vec::new();
                for (index, word) in values.iter().enumerate() {
                    if index > 0 {
                        atoms.push(Atom::Break);
                    }
                    self.evaluate(word, &mut atoms);
                }
                let length: usize = atoms.iter().map(Atom::len).sum();
                let atoms = if length > LONGEST { vec![Atom::Unknown] } else { atoms };
                self.variables.insert(name.clone(), atoms);
            }
            Statement::Command(command) => {
                if let Some(function) = &command.function
                    && command.words.iter().skip(1).any(is_everything)
                {
                    self.functions.entry(function.clone()).or_insert_with(|| command.words.clone());
                }
                if command.words.first().and_then(Word::bare) == Some("alias") {
                    for definition in self.arguments(&command.words[1..]) {
                        self.define_alias(&definition);
                    }
                }
            }
        }
    }

    fn define_alias(&mut self, definition: &Argument) {
        let Some((name, _)) = definition.as_str().split_once('=') else { return };
        let value = definition.text.part(name.len() + 1..definition.text.len());
        if let Some(Statement::Command(command)) = parse(&value).into_iter().next() {
            let mut words = command.words;
            words.push(everything());
            self.functions.insert(name.to_owned(), words);
        }
    }

    fn evaluate(&self, word: &Word, atoms: &mut Vec<Atom>) {
        for piece in &word.pieces {
            match piece {
                Piece::Literal { text, .. } if text.is_empty() => {}
                Piece::Literal { text, .. } => atoms.push(Atom::Text(text.text().to_owned())),
                Piece::Unknown { .. } => atoms.push(Atom::Unknown),
                Piece::Variable(variable) => match (self.variable(&variable.name), &variable.default) {
                    (Some(value), _) => atoms.extend_from_slice(value),
                    (None, Some(default)) => self.evaluate(default, atoms),
                    (None, None) => atoms.push(Atom::Unknown),
                },
            }
        }
    }

    /// The arguments that words become.
    pub(crate) fn arguments(&self, words: &[Word]) -> Vec<Argument> {
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

    fn expand(&self, piece: &Piece, in_default: bool, fields: &mut Fields) {
        match piece {
            Piece::Literal { text, quoted } if !quoted && in_default => {
                let (from, to) = (text.from(0), text.to(text.len()));
                fields.split(text.text(), from, to);
            }
            Piece::Literal { text, .. } => fields.current(text.from(0)).text.push(text),
            Piece::Unknown { quoted, from, to } => fields.unknown(None, !quoted, *from, *to),
            Piece::Variable(variable) => self.expand_variable(variable, fields),
        }
    }

    fn expand_variable(&self, variable: &Variable, fields: &mut Fields) {
        let Variable { name, default, quoted, list, from, to } = variable;
        match (self.variable(name), default) {
            (Some(value), _) => {
                fields.expanded += value.iter().map(Atom::len).sum::<usize>();
                if fields.expanded > MOST_TEXT {
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

    /// What a call of one of the script's own functions comes to, when that hands its arguments on.
    pub(crate) fn through_function(&self, arguments: &[Argument]) -> Option<Vec<Argument>> {
        let (name, given) = arguments.split_first()?;
        let mut all = Vec::new();
        for word in self.function(name.as_str())? {
            if all.len() > MOST {
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

fn everything() -> Word {
    let name = "@".to_owned();
    let piece = Piece::Variable(Variable { name, default: None, quoted: true, list: true, from: 0, to: 0 });
    Word { pieces: vec![piece], from: 0, to: 0 }
}

/// `"$@"` or `$*`.
fn is_everything(word: &Word) -> bool {
    matches!(&word.pieces[..], [Piece::Variable(variable)] if matches!(variable.name.as_str(), "@" | "*"))
}

#[derive(Default)]
struct Fields {
    done: Vec<Argument>,
    open: Option<Argument>,
    /// How much text came out of variables.
    expanded: usize,
}

impl Fields {
    fn current(&mut self, from: usize) -> &mut Argument {
        let argument = self.open.get_or_insert_with(|| Argument { from, ..Argument::default() });
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

    /// An unquoted value: blanks in it end words.
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

    /// The end of a word that is written out: the place of what came of it.
    fn close(&mut self, word: &Word) {
        if let Some(argument) = &mut self.open {
            argument.to = word.to;
        }
        for argument in self.done.iter_mut().rev().take_while(|argument| argument.to == 0) {
            argument.to = word.to;
        }
    }
}
