//! The words of `command:` and `entrypoint:`.

use crate::lint::span::Span;
use crate::lint::yaml::{YamlNode, YamlValue};

/// The words of a command.
#[derive(Debug, Clone)]
pub(crate) struct CommandWords {
    pub words: Vec<String>,
    pub span: Span,
}

impl CommandWords {
    /// A string is split like a shell does it, or at blanks if a shell could not read it. An empty command is `None`.
    pub(super) fn read(node: &YamlNode) -> Option<Self> {
        let words: Vec<String> = match &node.value {
            YamlValue::Scalar(text) => shell_words::split(text.as_str())
                .unwrap_or_else(|_| text.as_str().split_whitespace().map(str::to_owned).collect()),
            YamlValue::List(items) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            YamlValue::Null | YamlValue::Map(_) => return None,
        };
        (!words.is_empty()).then_some(Self { words, span: node.span })
    }

    /// Every word, including those of a script for `sh -c`.
    pub(crate) fn flat(&self) -> Vec<String> {
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

    /// The value of a flag, after `=` or as the next word.
    pub(crate) fn value(&self, flag: &str) -> Option<String> {
        let words = self.flat();
        words.iter().enumerate().find_map(|(at, word)| {
            let after = word.strip_prefix(flag)?;
            match after.strip_prefix('=') {
                Some(value) => Some(value.to_owned()),
                None if after.is_empty() => words.get(at + 1).cloned(),
                None => None,
            }
        })
    }
}
