//! Two keys, one volume.

use std::collections::HashMap;

use crate::lint::project::{Project, Volume};
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
    let mut first: HashMap<&str, &Volume> = HashMap::new();
    for volume in &project.volumes {
        let Some(name) = volume.name.as_ref().filter(|name| name.is_sure()) else { continue };
        let same = first.get(name.as_str()).copied();
        first.entry(name.as_str()).or_insert(volume);
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
