//! Two keys for one volume.

use std::collections::HashMap;

use crate::lint::project::{LintProject, LintVolume};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds two keys under `volumes:` that name the same volume.
    ///
    /// ## Why it matters
    ///
    /// Two keys with the same `name:` are one volume, although they look like two.
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
    "shared-volume-name", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    let mut first: HashMap<&str, &LintVolume> = HashMap::new();
    for volume in &project.volumes {
        let Some(name) = volume.name.as_ref().filter(|name| name.is_known()) else { continue };
        let same = first.get(name.as_str()).copied();
        first.entry(name.as_str()).or_insert(volume);
        if let Some(other) = same {
            let message = format!(
                "`{}` and `{}` are the same volume, `{}`",
                other.key.as_str(),
                volume.key.as_str(),
                name.as_str()
            );
            report.add(name.span, message).help("Use different names, or one key in both places.");
        }
    }
}
