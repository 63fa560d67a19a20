//! A store whose version anybody may change.

use crate::compose::image::Reference;
use crate::inventory::known::Keeps;
use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a store whose image has no tag, or `latest`.
    ///
    /// ## Why it matters
    ///
    /// The next `pull` may bring a version that does not read the old data, or that keeps it at another path, as
    /// PostgreSQL 18 does. There is no way back from a migrated data directory.
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
    "image-unpinned", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store) in project.stores() {
        let Some(image) = service.image.as_ref().filter(|image| image.is_sure()) else { continue };
        let reference = Reference::parse(image.as_str());
        let unpinned = matches!(reference.tag, None | Some("latest")) && reference.digest.is_none();
        if !unpinned || service.built || store.program.keeps == Keeps::Cache {
            continue;
        }
        let message = format!(
            "`{}` may be another version at the next pull, which may not read the data",
            image.as_str()
        );
        report
            .of(service, image.span, message)
            .help("Pin at least the major version: `image: NAME:VERSION`.");
    }
}
