//! An image without a version.

use crate::compose::image::Reference;
use crate::inventory::known::Keeps;
use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database image without a tag, or with `latest`.
    ///
    /// ## Why it matters
    ///
    /// The next pull may install a version that cannot read the existing data, or that keeps its data at another
    /// path, like PostgreSQL 18. A migrated data directory cannot be downgraded.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:latest
    ///     volumes: ["vectors:/qdrant/storage"]
    /// volumes:
    ///   vectors:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:v1.16.0
    ///     volumes: ["vectors:/qdrant/storage"]
    /// volumes:
    ///   vectors:
    /// ```
    "image-unpinned", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store) in project.stores() {
        let Some(image) = service.image.as_ref().filter(|image| image.is_known()) else { continue };
        let reference = Reference::parse(image.as_str());
        let unpinned = matches!(reference.tag, None | Some("latest")) && reference.digest.is_none();
        if !unpinned || service.built || store.program.keeps == Keeps::Cache {
            continue;
        }
        let message = format!(
            "the next pull of `{}` may install a version that cannot read the existing data",
            image.as_str()
        );
        report
            .for_service(service, image.span, message)
            .help("Pin at least the major version: `image: NAME:VERSION`.");
    }
}
