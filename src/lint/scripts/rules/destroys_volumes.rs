//! `down --volumes`.

use super::{Hit, Scene, rule};
use crate::lint::finding::Severity;

rule! {
    /// Finds a script that deletes a project's volumes: `down --volumes`.
    ///
    /// ## Why it matters
    ///
    /// `docker compose down --volumes` deletes every named volume of the project, and the anonymous ones of its containers.
    /// There is no question and no way back.
    ///
    /// In a script it runs again and again: on the machine of whoever types `make clean`, and one day on the server.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker compose -f compose.prod.yml down -v
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker compose -f compose.prod.yml down
    /// ```
    ///
    /// `safe-compose down -v` in its place shows what would be lost, saves it, and asks. Where the data is worth nothing,
    /// such as in a test, say so in a comment: `# safe-compose: ignore[script-destroys-volumes] the data of one test run`.
    "script-destroys-volumes", Error, look
}

fn look(scene: &Scene<'_>) -> Option<Hit> {
    let reading = scene.commands.compose.iter().find(|reading| reading.deletes_volumes())?;
    let whose = match &reading.globals.project_name {
        // Without a file Compose goes by labels alone.
        Some(_) if reading.globals.files.is_empty() => {
            "deletes every volume with the project's label, those of services that are in no file any more too"
        }
        _ => "deletes the project's volumes with all their data, unasked",
    };
    Some(Hit {
        severity: Severity::Error,
        message: format!("`down --volumes` {whose}"),
        help: "Leave the flag out, or run it through `safe-compose`, which saves the data and asks.".into(),
    })
}
