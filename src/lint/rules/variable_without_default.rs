//! Paths and names that a missing variable changes.

use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};
use crate::lint::source::{Doubt, Text};

rule! {
    /// Finds a variable without a default in the source of a mount, in a project's or volume's name, or in a data path.
    ///
    /// ## Why it matters
    ///
    /// A variable that is not set is empty, and Compose only warns. `${DATA_DIR}/pg:/data` becomes a bind of `/pg`,
    /// `name: shop${SUFFIX}` another project, `name: ${ENV}_data` another volume: the stack starts, empty. `sudo`, cron
    /// and another working directory are where variables go missing. It is found where neither the environment nor
    /// `.env` sets the variable.
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
    "variable-without-default", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    let name = project.root.get("name").and_then(|name| name.as_text());
    if let Some(name) = name {
        say(report, name, "the project is another one, and starts empty");
    }
    for volume in &project.volumes {
        if let Some(name) = &volume.name {
            say(report, name, "the volume is another one, and the service starts empty");
        }
        for option in ["device", "o"] {
            if let Some(option) = volume.option(option) {
                say(report, option, "the volume is another directory");
            }
        }
    }
    for service in &project.services {
        for mount in &service.mounts {
            let text = mount.source_text().unwrap_or(&mount.target);
            let found = say(report, text, "another directory is mounted, and the service starts empty");
            if let Some(found) = found {
                found.service = Some(service.name.as_str().to_owned());
            }
        }
    }
    for (service, store) in project.stores() {
        let value = store.program.variable.and_then(|name| service.variable(name));
        if let Some(value) = value {
            say(report, value, "the server looks for its data elsewhere, and starts empty");
        }
    }
}

fn say<'a>(report: &'a mut Report, text: &Text, fate: &str) -> Option<&'a mut crate::lint::rule::Found> {
    let Some(Doubt::Unset(name, span)) = &text.doubt else { return None };
    let found = report.add(*span, format!("when `{name}` is not set, {fate}"));
    found.help(format!(
        "Write `${{{name}:?is not set}}`, so that Compose stops, or give a default: `${{{name}:-…}}`."
    ));
    Some(found)
}
