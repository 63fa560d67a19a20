//! `up --renew-anon-volumes`, and `up --yes`.

use crate::lint::rule::{RuleReport, rule};
use crate::lint::scripts::call_context::CallContext;

rule! {
    /// Finds a script that replaces volumes with empty ones: `up --renew-anon-volumes`, `up --yes`.
    ///
    /// ## Why it matters
    ///
    /// `up --renew-anon-volumes` gives every container new and empty anonymous volumes. The old ones keep the data,
    /// but no container uses them. `up --yes` and `create --yes` agree to delete and recreate a volume whose
    /// definition has changed.
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
    "script-renews-volumes", Warning, Call(check)
}

fn check(context: &CallContext<'_>, report: &mut RuleReport) {
    for reading in &context.readings.compose {
        if reading.renews_anonymous_volumes() {
            report
                .add(
                    context.span(),
                    "`up --renew-anon-volumes` replaces all anonymous volumes with empty ones",
                )
                .help("Remove the flag. Named volumes keep their data in any case.");
            return;
        }
        if reading.recreates_containers() && reading.is_set("yes") {
            let command = reading.name();
            let message = format!(
                "`{command} --yes` deletes and recreates volumes whose definition has changed, without asking"
            );
            report
                .add(context.span(), message)
                .help("Remove the flag. Without a terminal Compose then keeps the old volume.");
            return;
        }
    }
}
