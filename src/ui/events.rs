//! Messages as JSON, one object a line, for programs that read what Compose prints with `--progress json`.
//!
//! The objects are those of Compose itself (measured with 2.40): an error has `error` and `message`, everything else has
//! `level` and `msg`. Ansible's `docker_compose_v2` reads both.

use serde_json::json;

use super::report::{self, FailureLayout};
use crate::error::Failure;

/// Nothing is wrapped: no message has a longer line.
pub(super) const WIDTH: usize = 10_000;

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warning,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
        }
    }
}

/// A sentence, as one line.
pub(super) fn message(level: Level, text: &str) -> String {
    event(level, &format!("safe-compose: {text}"))
}

/// A table or a list, as one line.
pub(super) fn page(text: &str) -> String {
    event(Level::Info, text)
}

fn event(level: Level, text: &str) -> String {
    format!("{}\n", json!({ "level": level.name(), "msg": text.trim_matches('\n') }))
}

/// A failure, with its cause and everything that can be done, as one line.
pub(super) fn failure(failure: &Failure) -> String {
    let text = report::render(failure, FailureLayout { width: WIDTH, colour: false });
    format!("{}\n", json!({ "error": true, "message": text.trim_end() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn each_message_is_one_line() {
        assert_eq!(
            message(Level::Warning, "`down` destroys\ndata\n"),
            "{\"level\":\"warning\",\"msg\":\"safe-compose: `down` destroys\\ndata\"}\n"
        );
        let refused = Failure::new(Exit::Refused, "`down -v` was refused")
            .say("Nothing was run.")
            .run("To run it", "docker compose --safe-allow=1 down -v");
        assert_eq!(
            failure(&refused),
            "{\"error\":true,\"message\":\"safe-compose: error: `down -v` was refused\\n  Nothing was run.\\n  \
             To run it:\\n      docker compose --safe-allow=1 down -v\"}\n"
        );
    }
}
