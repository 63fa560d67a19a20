//! Two keys, one volume.

use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds two keys under `volumes:` that are the same volume.
    ///
    /// ## Why it matters
    ///
    /// With the same `name:` both keys are one volume, and what looks like two separate places is one.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     volumes: ["one:/a", "two:/b"]
    /// volumes:
    ///   one: { name: shop_data }
    ///   two: { name: shop_data }
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   web:
    ///     image: nginx:1.29
    ///     volumes: ["one:/a", "two:/b"]
    /// volumes:
    ///   one: { name: shop_one }
    ///   two: { name: shop_two }
    /// ```
    "shared-volume-name", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (at, volume) in project.volumes.iter().enumerate() {
        let Some(name) = volume.name.as_ref().filter(|name| name.is_sure()) else { continue };
        let same = project.volumes[..at]
            .iter()
            .find(|other| other.name.as_ref().is_some_and(|other| other.text == name.text));
        if let Some(other) = same {
            let message = format!(
                "`{}` and `{}` are the same volume `{}`",
                other.key.as_str(),
                volume.key.as_str(),
                name.as_str()
            );
            report.add(name.span, message).help("Give each its own name, or use one key in both places.");
        }
    }
}
