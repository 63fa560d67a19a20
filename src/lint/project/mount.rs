//! Mounts of a service, in short and long syntax.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::lint::loader::mount_fields;
use crate::lint::span::Span;
use crate::lint::yaml::{YamlNode, YamlScalar};

/// One entry of `volumes:` or `tmpfs:`.
#[derive(Debug, Clone)]
pub(crate) struct LintMount {
    pub source: LintMountSource,
    pub target: YamlScalar,
    pub read_only: bool,
    /// The complete entry.
    pub span: Span,
    /// `bind.create_host_path`; the short syntax always creates.
    pub create_host_path: Option<bool>,
    pub subpath: Option<Arc<str>>,
    /// It is written in the long syntax.
    pub long: bool,
    /// It belongs to another service, and is mounted through `volumes_from`.
    pub lent: bool,
}

/// What is mounted.
#[derive(Debug, Clone)]
pub(crate) enum LintMountSource {
    /// A key under the top-level `volumes:`.
    Named(YamlScalar),
    Anonymous,
    Bind(YamlScalar),
    Tmpfs,
    /// It starts with a variable that is not set.
    Unknown(YamlScalar),
    /// A type of mount that holds no data of the service.
    Other,
}

impl LintMount {
    pub(in crate::lint) fn read(node: &YamlNode) -> Option<Self> {
        match node.as_scalar() {
            Some(short) => Some(Self::short(short, node.span)),
            None => Self::long(node),
        }
    }

    pub(super) fn tmpfs(node: &YamlNode) -> Option<Self> {
        let text = node.as_scalar()?;
        let path = text.as_str().split(':').next().unwrap_or_default();
        Some(Self {
            source: LintMountSource::Tmpfs,
            target: YamlScalar { text: path.into(), ..text.clone() },
            read_only: false,
            span: node.span,
            create_host_path: None,
            subpath: None,
            long: false,
            lent: false,
        })
    }

    fn short(text: &YamlScalar, span: Span) -> Self {
        let fields = mount_fields(text.as_str());
        let part = |word: &str| YamlScalar { text: word.into(), ..text.clone() };
        Self {
            source: fields.source.map_or(LintMountSource::Anonymous, |source| kind(part(source))),
            target: part(fields.target.unwrap_or_default()),
            read_only: fields.options.split(',').any(|option| option == "ro"),
            span,
            create_host_path: None,
            subpath: None,
            long: false,
            lent: false,
        }
    }

    fn long(node: &YamlNode) -> Option<Self> {
        let text = |name: &str| node.get(name).and_then(YamlNode::as_scalar).cloned();
        let flag = |node: Option<&YamlNode>| node.and_then(YamlNode::as_scalar).and_then(YamlScalar::as_bool);
        let path_or_name = text("source").or_else(|| text("src"));
        let source = match (text("type").as_ref().map(YamlScalar::as_str), path_or_name) {
            (Some("volume"), Some(name)) => LintMountSource::Named(name),
            (Some("volume"), None) => LintMountSource::Anonymous,
            (Some("bind"), Some(path)) => LintMountSource::Bind(path),
            (Some("tmpfs"), _) => LintMountSource::Tmpfs,
            (None, Some(source)) => kind(source),
            _ => LintMountSource::Other,
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
                .and_then(YamlNode::as_scalar)
                .map(|subpath| subpath.text.clone()),
            long: true,
            lent: false,
        })
    }

    /// The path in the container without a trailing slash; `None` if it is not known.
    pub(crate) fn path(&self) -> Option<&str> {
        let path = self.target.as_str();
        let short = path.trim_end_matches('/');
        (!path.contains("${") && path.starts_with('/')).then_some(if short.is_empty() { "/" } else { short })
    }

    /// The name or path that is mounted.
    pub(crate) fn source_text(&self) -> Option<&YamlScalar> {
        match &self.source {
            LintMountSource::Named(text) | LintMountSource::Bind(text) | LintMountSource::Unknown(text) => {
                Some(text)
            }
            LintMountSource::Anonymous | LintMountSource::Tmpfs | LintMountSource::Other => None,
        }
    }
}

/// A path of the host, resolved without the disk; `None` if it depends on the user or the environment.
pub(in crate::lint) fn host_path(base: &Path, text: &YamlScalar) -> Option<PathBuf> {
    let word = text.as_str();
    if word.contains("${") || word.starts_with('~') {
        return None;
    }
    let mut path = PathBuf::new();
    for part in base.join(word).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if path.file_name().is_some() => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    Some(path)
}

/// What a source in short syntax means, like compose-go's `format.ParseVolume`.
fn kind(source: YamlScalar) -> LintMountSource {
    let word = source.as_str();
    let drive = word.as_bytes().get(1) == Some(&b':');
    if word.starts_with("${") {
        LintMountSource::Unknown(source)
    } else if word.starts_with(['.', '/', '~', '\\']) || drive {
        LintMountSource::Bind(source)
    } else {
        LintMountSource::Named(source)
    }
}
