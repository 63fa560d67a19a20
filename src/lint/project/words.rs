//! `command:` and `entrypoint:`, as words.

use crate::lint::source::{Node, Span, Value};

/// The words of a command.
#[derive(Debug, Clone)]
pub struct Words {
    pub words: Vec<String>,
    pub span: Span,
}

impl Words {
    /// A string is split as a shell would; one that a shell could not read is split at blanks. An empty one counts as
    /// none.
    pub(super) fn read(node: &Node) -> Option<Self> {
        let words: Vec<String> = match &node.value {
            Value::Scalar(text) => shell_words::split(text.as_str())
                .unwrap_or_else(|_| text.as_str().split_whitespace().map(str::to_owned).collect()),
            Value::List(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::Null | Value::Map(_) => return None,
        };
        (!words.is_empty()).then_some(Self { words, span: node.span })
    }

    /// Every word, those of a script in `sh -c` too.
    pub fn flat(&self) -> Vec<String> {
        self.words
            .iter()
            .flat_map(|word| {
                if word.contains(char::is_whitespace) {
                    shell_words::split(word)
                        .unwrap_or_else(|_| word.split_whitespace().map(str::to_owned).collect())
                } else {
                    vec![word.clone()]
                }
            })
            .collect()
    }

    /// The value of a flag, behind `=` or as the next word.
    pub fn value(&self, flag: &str) -> Option<String> {
        let words = self.flat();
        words.iter().enumerate().find_map(|(at, word)| {
            let behind = word.strip_prefix(flag)?;
            match behind.strip_prefix('=') {
                Some(value) => Some(value.to_owned()),
                None if behind.is_empty() => words.get(at + 1).cloned(),
                None => None,
            }
        })
    }
}
