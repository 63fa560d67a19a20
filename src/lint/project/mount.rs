//! Mounts of a service, in short and long syntax.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::lint::source::{Node, Span, Text};

/// One entry of `volumes:` or `tmpfs:`.
#[derive(Debug, Clone)]
pub struct Mount {
    pub source: Source,
    pub target: Text,
    pub read_only: bool,
    /// The whole entry.
    pub span: Span,
    /// `bind.create_host_path`; the short syntax always creates.
    pub create_host_path: Option<bool>,
    pub subpath: Option<Arc<str>>,
    /// Written in the long syntax.
    pub long: bool,
}

/// Where a mount's files are.
#[derive(Debug, Clone)]
pub enum Source {
    /// A key under the top-level `volumes:`.
    Named(Text),
    Anonymous,
    Bind(Text),
    Tmpfs,
    /// It begins with a variable that is not set here.
    Unknown(Text),
    /// A kind that holds no data of ours.
    Other,
}

impl Mount {
    pub(super) fn read(node: &Node) -> Option<Self> {
        match node.as_text() {
            Some(short) => Some(Self::short(short, node.span)),
            None => Self::long(node),
        }
    }

    pub(super) fn tmpfs(node: &Node) -> Option<Self> {
        let text = node.as_text()?;
        let path = text.as_str().split(':').next().unwrap_or_default();
        Some(Self {
            source: Source::Tmpfs,
            target: Text { text: path.into(), ..text.clone() },
            read_only: false,
            span: node.span,
            create_host_path: None,
            subpath: None,
            long: false,
        })
    }

    fn short(text: &Text, span: Span) -> Self {
        let fields = fields(text.as_str());
        let part = |word: &str| Text { text: word.into(), ..text.clone() };
        let (source, target) = match fields.as_slice() {
            [] => (Source::Anonymous, ""),
            [target] => (Source::Anonymous, *target),
            [source, target, ..] => (kind(part(source)), *target),
        };
        let options = fields.get(2).copied().unwrap_or_default();
        Self {
            source,
            target: part(target),
            read_only: options.split(',').any(|option| option == "ro"),
            span,
            create_host_path: None,
            subpath: None,
            long: false,
        }
    }

    fn long(node: &Node) -> Option<Self> {
        let text = |name: &str| node.get(name).and_then(Node::as_text).cloned();
        let flag = |node: Option<&Node>| node.and_then(Node::as_text).and_then(Text::as_bool);
        let said = text("source").or_else(|| text("src"));
        let source = match (text("type").as_ref().map(Text::as_str), said) {
            (Some("volume"), Some(name)) => Source::Named(name),
            (Some("volume"), None) => Source::Anonymous,
            (Some("bind"), Some(path)) => Source::Bind(path),
            (Some("tmpfs"), _) => Source::Tmpfs,
            (None, Some(source)) => kind(source),
            _ => Source::Other,
        };
        let target = text("target").or_else(|| text("dst")).or_else(|| text("destination"))?;
        Some(Self {
            source,
            target,
            read_only: flag(node.get("read_only")).unwrap_or(false),
            span: node.span,
            create_host_path: flag(node.get("bind").and_then(|bind| bind.get("create_host_path"))),
            subpath: node
                .get("volume")
                .and_then(|volume| volume.get("subpath"))
                .and_then(Node::as_text)
                .map(|subpath| subpath.text.clone()),
            long: true,
        })
    }

    /// The path in the container, without a slash behind it; `None` when it is not known.
    pub fn path(&self) -> Option<&str> {
        let path = self.target.as_str();
        let short = path.trim_end_matches('/');
        (!path.contains("${") && path.starts_with('/')).then_some(if short.is_empty() { "/" } else { short })
    }

    /// The word that says where the files are.
    pub fn source_text(&self) -> Option<&Text> {
        match &self.source {
            Source::Named(text) | Source::Bind(text) | Source::Unknown(text) => Some(text),
            Source::Anonymous | Source::Tmpfs | Source::Other => None,
        }
    }
}

/// A host path made absolute without looking at the disk; `None` when it depends on who looks.
pub(in crate::lint) fn host_path(base: &Path, text: &Text) -> Option<PathBuf> {
    let word = text.as_str();
    if word.contains("${") || word.starts_with('~') {
        return None;
    }
    let mut tidy = PathBuf::new();
    for part in base.join(word).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    Some(tidy)
}

/// Where a mount in short syntax appears in the container.
pub(in crate::lint) fn short_target(short: &str) -> Option<&str> {
    match fields(short).as_slice() {
        [] => None,
        [target] | [_, target, ..] => Some(target),
    }
}

/// The parts between colons; that of a Windows drive does not part.
fn fields(short: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut start = 0;
    for (at, letter) in short.char_indices() {
        let drive = at == start + 1 && short[start..].starts_with(|first: char| first.is_ascii_alphabetic());
        if letter == ':' && !drive {
            fields.push(&short[start..at]);
            start = at + 1;
        }
    }
    fields.push(&short[start..]);
    fields
}

/// What a source in short syntax means, by compose-go's `format.ParseVolume`.
fn kind(source: Text) -> Source {
    let word = source.as_str();
    let drive = word.as_bytes().get(1) == Some(&b':');
    if word.starts_with("${") {
        Source::Unknown(source)
    } else if word.starts_with(['.', '/', '~', '\\']) || drive {
        Source::Bind(source)
    } else {
        Source::Named(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_letter_does_not_part() {
        assert_eq!(fields("data:/d:ro"), ["data", "/d", "ro"]);
        assert_eq!(fields(r"C:\x:/d"), [r"C:\x", "/d"]);
        assert_eq!(fields("/anon"), ["/anon"]);
        assert_eq!(fields("n:/n"), ["n:/n"]);
    }
}
