//! YAML as a tree that knows where each part was written.

use std::sync::Arc;

use super::files::Span;

/// One node, with the place where it was written: through an alias or a merge, that of the anchor.
#[derive(Debug, Clone)]
pub struct Node {
    pub span: Span,
    pub value: Value,
    pub directive: Option<Directive>,
}

/// What Compose's own tags ask of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// `!reset`: what came before is dropped.
    Reset,
    /// `!override`: what came before is replaced, not merged with.
    Override,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Scalar(Text),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: Text,
    pub value: Node,
}

/// A scalar, after interpolation.
///
/// A variable that has no value stays in the text as `${NAME}`.
#[derive(Debug, Clone)]
pub struct Text {
    pub text: Arc<str>,
    pub span: Span,
    /// Written without quotes, so that `3` is a number and `true` a boolean.
    pub plain: bool,
    pub doubt: Option<Doubt>,
}

/// Why the text of a scalar is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// This variable is not set and has no default; the place is that of its use.
    Unset(Arc<str>, Span),
    /// A variable that has to be set, `${A?}`, is not set here.
    Required,
}

impl Text {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether everything in it is known.
    pub fn is_sure(&self) -> bool {
        self.doubt.is_none()
    }

    /// What YAML, old or new, takes for a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        }
    }
}

impl Node {
    pub fn new(span: Span, value: Value) -> Self {
        Self { span, value, directive: None }
    }

    pub fn null(span: Span) -> Self {
        Self::new(span, Value::Null)
    }

    pub fn scalar(text: Text) -> Self {
        Self::new(text.span, Value::Scalar(text))
    }

    pub fn as_text(&self) -> Option<&Text> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(Text::as_str)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// The items of a sequence; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Scalar(_) | Value::Map(_) => &[],
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.as_str() == key)
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The same value as JSON, for readers that know no places.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Scalar(text) => scalar_to_json(text),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => Json::Object(
                entries.iter().map(|entry| (entry.key.text.to_string(), entry.value.to_json())).collect(),
            ),
        }
    }
}

fn scalar_to_json(text: &Text) -> serde_json::Value {
    let word = text.as_str();
    if text.plain {
        match word {
            "true" | "True" | "TRUE" => return true.into(),
            "false" | "False" | "FALSE" => return false.into(),
            _ => {}
        }
        if let Ok(number) = word.parse::<i64>() {
            return number.into();
        }
        if word.starts_with(|first: char| first.is_ascii_digit() || first == '-')
            && let Ok(number) = word.parse::<f64>()
        {
            return number.into();
        }
    }
    word.into()
}
