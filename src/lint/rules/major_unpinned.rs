//! A tag without a version.

use crate::compose::image::Reference;
use crate::inventory::known::Keeps;
use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database image whose tag names no version, such as `alpine`, `stable` or `lts`.
    ///
    /// ## Why it matters
    ///
    /// The tag looks pinned, but moves with every release. See `image-unpinned`.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:alpine
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17-alpine
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    "major-unpinned", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store) in project.stores() {
        let Some(image) = service.image.as_ref().filter(|image| image.is_known()) else { continue };
        let reference = Reference::parse(image.as_str());
        let Some(tag) = reference.tag else { continue };
        let numbered = tag.bytes().any(|byte| byte.is_ascii_digit());
        if numbered || tag == "latest" || reference.digest.is_some() || service.built {
            continue;
        }
        if store.program.keeps != Keeps::Records {
            continue;
        }
        let message = format!(
            "the tag `{tag}` names no version: the next pull may install one that cannot read the existing data"
        );
        report.for_service(service, image.span, message).help("Name at least the major version in the tag.");
    }
}
