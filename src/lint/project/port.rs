//! Published ports, in short and long syntax.

use crate::lint::span::Span;
use crate::lint::yaml::YamlNode;

/// A port of a service that is published on the host.
#[derive(Debug, Clone)]
pub(crate) struct LintPort {
    /// The address that it is bound to; `None` for all.
    pub address: Option<String>,
    /// The port in the container; for a range, the first.
    pub target: u16,
    pub span: Span,
}

impl LintPort {
    pub(super) fn read(node: &YamlNode) -> Option<Self> {
        match node.as_scalar() {
            Some(text) if text.is_known() => Self::short(text.as_str(), node.span),
            Some(_) => None,
            None => {
                let text = |name: &str| node.get(name).and_then(YamlNode::as_scalar);
                let address = text("host_ip");
                if address.is_some_and(|address| !address.is_known()) {
                    return None;
                }
                Some(Self {
                    address: address.map(|address| address.as_str().to_owned()),
                    target: first(text("target")?.as_str())?,
                    span: node.span,
                })
            }
        }
    }

    /// `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`
    fn short(text: &str, span: Span) -> Option<Self> {
        let text = text.split('/').next().unwrap_or_default();
        let (rest, target) = match text.rsplit_once(':') {
            Some((rest, target)) => (Some(rest), target),
            None => (None, text),
        };
        let address = rest.and_then(|rest| rest.rsplit_once(':')).map(|(address, _)| address);
        let address = address.map(|address| address.trim_matches(['[', ']']).to_owned());
        Some(Self { address, target: first(target)?, span })
    }

    /// Whether other machines can reach it.
    pub(crate) fn is_open(&self) -> bool {
        match self.address.as_deref() {
            None | Some("" | "0.0.0.0" | "::" | "*") => true,
            Some(_) => false,
        }
    }
}

fn first(range: &str) -> Option<u16> {
    range.split('-').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::span::FileId;

    #[test]
    fn only_an_address_restricts_a_port() {
        let read = |text| LintPort::short(text, Span::start_of(FileId::default())).expect("a port");
        assert!(read("6379").is_open() && read("6379:6379/tcp").is_open() && read("0.0.0.0:1:2").is_open());
        assert!(!read("127.0.0.1:6379:6379").is_open() && !read("[::1]:6379:6379").is_open());
        assert_eq!(read("7000-7010:6379-6389").target, 6379);
    }
}
