//! A path or name that depends on an unset variable.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::{UnknownReason, YamlScalar};

rule! {
    /// Finds a variable without a default in the source of a mount, in a name, or in a data path.
    ///
    /// ## Why it matters
    ///
    /// Compose replaces an unset variable with nothing, and only prints a warning. `${DATA_DIR}/pg:/data` then mounts
    /// `/pg`, `name: shop${SUFFIX}` is another project, and `name: ${ENV}_data` another volume: the service starts
    /// empty. Variables are often unset under `sudo`, in cron jobs, and in another working directory.
    ///
    /// Only variables that neither the environment nor `.env` sets are reported.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - ${DATA_DIR}/pg:/var/lib/postgresql/data
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     volumes:
    ///       - ${DATA_DIR:?is not set}/pg:/var/lib/postgresql/data
    /// ```
    "variable-without-default", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    let name = project.root.get("name").and_then(|name| name.as_scalar());
    if let Some(name) = name {
        add(report, name, "this is another project, which starts empty");
    }
    for volume in &project.volumes {
        if let Some(name) = &volume.name {
            add(report, name, "this is another volume, and the service starts empty");
        }
        for option in ["device", "o"] {
            if let Some(option) = volume.option(option) {
                add(report, option, "the volume is in another directory");
            }
        }
    }
    for service in &project.services {
        for mount in service.own_mounts() {
            let text = mount.source_text().unwrap_or(&mount.target);
            let found = add(report, text, "another directory is mounted, and the service starts empty");
            if let Some(found) = found {
                found.service = Some(service.name.as_str().to_owned());
            }
        }
    }
    for (service, store) in project.stores() {
        let value = store.program.variable.and_then(|name| service.variable(name));
        if let Some(value) = value {
            add(report, value, "the server looks for its data at another path, and starts empty");
        }
    }
}

fn add<'a>(
    report: &'a mut RuleReport,
    text: &YamlScalar,
    consequence: &str,
) -> Option<&'a mut crate::lint::rule::FindingDraft> {
    let Some(UnknownReason::Unset(name, span)) = &text.unknown else { return None };
    let found = report.add(*span, format!("if `{name}` is not set, {consequence}"));
    found.help(format!(
        "Write `${{{name}:?is not set}}` to make Compose stop, or set a default: `${{{name}:-…}}`."
    ));
    Some(found)
}
