//! RabbitMQ looks for its data under its host's name.

use crate::lint::project::Project;
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds a RabbitMQ with a volume and without a fixed host name.
    ///
    /// ## Why it matters
    ///
    /// RabbitMQ keeps its data in a directory named after its node, `rabbit@HOSTNAME`. Without `hostname:` each new
    /// container has another host name, and starts empty beside the data of the one before.
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
    "changing-node-name", Error, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        let fixed = service.hostname.is_some()
            || service.sets_any(&["RABBITMQ_NODENAME", "RABBITMQ_NODE_NAME", "RABBITMQ_MNESIA_DIR"])
            || service.env_file
            || service.node.get("network_mode").and_then(|mode| mode.as_str()) == Some("host");
        if store.program.name() != "rabbitmq" || fixed || service.built || project.partial {
            continue;
        }
        let message = "RabbitMQ keeps its data under its host's name, which changes with every new container";
        report
            .of(service, mount.span, message)
            .help(format!("Fix the name: `hostname: {}`.", service.name.as_str()));
    }
}
