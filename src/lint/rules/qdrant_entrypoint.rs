//! The start script of the Qdrant image.

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds Qdrant started by the script of its image, which kills it at every stop.
    ///
    /// ## Why it matters
    ///
    /// The script is the main process of the container. When it is asked to stop, it exits at once without waiting
    /// for the server, and the engine kills the server with it: exit code 143 after a few milliseconds, whatever the
    /// grace period (measured with 1.19.0; the script is the same since 1.16). Acknowledged writes are in the log and
    /// are recovered, but every start is a recovery after a crash. The server itself stops cleanly when it is the
    /// main process.
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
    "qdrant-entrypoint", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store) in project.stores() {
        let own = service.command.is_some() || service.entrypoint.is_some();
        if store.program.name() != "qdrant" || own || service.built || project.partial {
            continue;
        }
        let message = "the start script of the image kills Qdrant at every stop instead of waiting for it";
        report
            .for_service(service, service.span(), message)
            .help("Start the server directly: `command: [\"./qdrant\"]`.");
    }
}
