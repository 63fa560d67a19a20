//! A YAML tree in which every node has its span in the file.

use std::sync::Arc;

use granit_parser::ScalarStyle;

use super::plain::PlainType;
use crate::lint::span::Span;

/// One node. What an alias or a merge key brings in has the span of the anchor.
#[derive(Debug, Clone)]
pub(crate) struct YamlNode {
    pub span: Span,
    pub value: YamlValue,
    pub directive: Option<MergeDirective>,
}

/// What a tag of Compose asks of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeDirective {
    /// `!reset`: remove the earlier value.
    Reset,
    /// `!override`: replace the earlier value instead of merging with it.
    Override,
}

#[derive(Debug, Clone)]
pub(crate) enum YamlValue {
    Null,
    Scalar(YamlScalar),
    List(Vec<YamlNode>),
    Map(Vec<YamlEntry>),
}

#[derive(Debug, Clone)]
pub(crate) struct YamlEntry {
    pub key: YamlScalar,
    pub value: YamlNode,
}

/// A scalar, after interpolation.
///
/// A variable that has no value stays in the text as `${NAME}`.
#[derive(Debug, Clone)]
pub(crate) struct YamlScalar {
    pub text: Arc<str>,
    pub span: Span,
    /// How it is written. Only without quotes is `3` a number and `true` a boolean.
    pub style: ScalarStyle,
    pub unknown: Option<UnknownReason>,
}

/// Why the value of a scalar is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UnknownReason {
    /// This variable is not set and has no default; the span is where it is used.
    Unset(Arc<str>, Span),
    /// A required variable, `${A?}`, is not set.
    Required,
}

impl YamlScalar {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether its value is known.
    pub(crate) fn is_known(&self) -> bool {
        self.unknown.is_none()
    }

    /// What Compose takes it for.
    pub(in crate::lint) fn plain_type(&self) -> PlainType {
        if self.style == ScalarStyle::Plain { PlainType::of(&self.text) } else { PlainType::Text }
    }

    /// Its value as a boolean of YAML 1.1 or 1.2.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        }
    }
}

impl YamlNode {
    pub(crate) fn new(span: Span, value: YamlValue) -> Self {
        Self { span, value, directive: None }
    }

    pub(crate) fn null(span: Span) -> Self {
        Self::new(span, YamlValue::Null)
    }

    pub(crate) fn scalar(text: YamlScalar) -> Self {
        Self::new(text.span, YamlValue::Scalar(text))
    }

    pub(crate) fn as_scalar(&self) -> Option<&YamlScalar> {
        match &self.value {
            YamlValue::Scalar(text) => Some(text),
            YamlValue::Null | YamlValue::List(_) | YamlValue::Map(_) => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        self.as_scalar().map(YamlScalar::as_str)
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[YamlEntry] {
        match &self.value {
            YamlValue::Map(entries) => entries,
            YamlValue::Null | YamlValue::Scalar(_) | YamlValue::List(_) => &[],
        }
    }

    /// The items of a sequence; none for anything else.
    pub(crate) fn items(&self) -> &[YamlNode] {
        match &self.value {
            YamlValue::List(items) => items,
            YamlValue::Null | YamlValue::Scalar(_) | YamlValue::Map(_) => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&YamlEntry> {
        self.entries().iter().find(|entry| entry.key.as_str() == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&YamlNode> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The same value as JSON, without spans.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            YamlValue::Null => Json::Null,
            YamlValue::Scalar(text) => scalar_to_json(text),
            YamlValue::List(items) => items.iter().map(Self::to_json).collect(),
            YamlValue::Map(entries) => Json::Object(
                entries.iter().map(|entry| (entry.key.text.to_string(), entry.value.to_json())).collect(),
            ),
        }
    }
}

fn scalar_to_json(text: &YamlScalar) -> serde_json::Value {
    let word = text.as_str();
    if text.style == ScalarStyle::Plain {
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
