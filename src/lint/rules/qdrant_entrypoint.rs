//! Qdrant's own entry point.

use crate::lint::project::Project;
use crate::lint::rule::{Report, rule};

rule! {
    /// Finds a Qdrant that is started by its image's script, which cuts off every stop.
    ///
    /// ## Why it matters
    ///
    /// The script is the container's first process. It exits as soon as it is told to stop, without waiting for the
    /// server, which is killed with it: exit code 143 after a few milliseconds, whatever the grace period (measured with
    /// 1.19.0; the script is the same since 1.16). Acknowledged writes are in the log and come back, but each start is
    /// a recovery after a crash. Started by itself the server stops cleanly.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:v1.16.0
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
    ///     command: ["./qdrant"]
    ///     volumes: ["vectors:/qdrant/storage"]
    /// volumes:
    ///   vectors:
    /// ```
    "qdrant-entrypoint", Warning, check
}

fn check(project: &Project, report: &mut Report) {
    for (service, store) in project.stores() {
        let own = service.command.is_some() || service.entrypoint.is_some();
        if store.program.name() != "qdrant" || own || service.built || project.partial {
            continue;
        }
        let message = "the image's start script kills Qdrant at every stop instead of letting it finish";
        report
            .of(service, service.place(), message)
            .help("Start the server itself: `command: [\"./qdrant\"]`.");
    }
}
