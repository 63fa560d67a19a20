//! A node name that changes with every container.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds RabbitMQ with a volume but without a fixed host name.
    ///
    /// ## Why it matters
    ///
    /// RabbitMQ keeps its data in a directory that is named after its node, `rabbit@HOSTNAME`. Without `hostname:`
    /// every new container has another host name, so RabbitMQ starts empty next to the data of the previous
    /// container.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   queue:
    ///     image: rabbitmq:4
    ///     volumes: ["queue:/var/lib/rabbitmq"]
    /// volumes:
    ///   queue:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   queue:
    ///     image: rabbitmq:4
    ///     hostname: queue
    ///     volumes: ["queue:/var/lib/rabbitmq"]
    /// volumes:
    ///   queue:
    /// ```
    "changing-node-name", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        let fixed = service.hostname.is_some()
            || service.sets_any(&["RABBITMQ_NODENAME", "RABBITMQ_NODE_NAME", "RABBITMQ_MNESIA_DIR"])
            || service.unknown_environment
            || service.node.get("network_mode").and_then(|mode| mode.as_str()) == Some("host");
        if store.program.name() != "rabbitmq" || fixed || service.built || project.partial {
            continue;
        }
        let message = "RabbitMQ keeps its data under its host name, which changes with every new container";
        report
            .for_service(service, mount.span, message)
            .help(format!("Set a fixed host name: `hostname: {}`.", service.name.as_str()));
    }
}
