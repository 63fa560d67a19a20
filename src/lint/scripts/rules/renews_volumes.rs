//! `up --renew-anon-volumes`, and `up --yes`.

use super::{Hit, Scene, rule};
use crate::lint::finding::Severity;

rule! {
    /// Finds a script that starts services without what their volumes held: `up --renew-anon-volumes`, `up --yes`.
    ///
    /// ## Why it matters
    ///
    /// `up --renew-anon-volumes` gives every container new, empty anonymous volumes; the old ones stay behind with the data
    /// and without a name. `up --yes` and `create --yes` agree to delete and re-create a volume whose definition has changed.
    ///
    /// ## Bad
    ///
    /// ```sh
    /// docker compose up -dV
    /// docker compose up -d --yes
    /// ```
    ///
    /// ## Good
    ///
    /// ```sh
    /// docker compose up -d
    /// ```
    "script-renews-volumes", Warning, look
}

fn look(scene: &Scene<'_>) -> Option<Hit> {
    for reading in &scene.commands.compose {
        if reading.renews_anonymous_volumes() {
            return Some(Hit {
                severity: Severity::Warning,
                message:
                    "`up --renew-anon-volumes` starts every container without what its anonymous volumes hold"
                        .into(),
                help: "Leave the flag out; a named volume keeps its data either way.".into(),
            });
        }
        if reading.recreates_containers() && reading.is_set("yes") {
            let command = reading.name();
            return Some(Hit {
                severity: Severity::Warning,
                message: format!(
                    "`{command} --yes` deletes and re-creates a volume whose definition has changed, unasked"
                ),
                help: "Leave the flag out: without a terminal Compose then keeps the old volume.".into(),
            });
        }
    }
    None
}
