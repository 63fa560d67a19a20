//! A failure as people read it: what, why, and what to do next.

use console::Style;

use crate::error::{Failure, Hint};

/// The whole message.
pub(super) fn render(failure: &Failure) -> String {
    let mark = Style::new().red().bold().for_stderr().apply_to("safe-compose: error:");
    let mut text = format!("{mark} {failure}\n");
    if let Some(cause) = &failure.cause {
        let mut said = failure.message.clone();
        for reason in cause.chain() {
            let reason = reason.to_string();
            // Wrapped libraries like to repeat their source in their own message.
            if said.contains(&reason) {
                continue;
            }
            for (number, line) in reason.trim_end().lines().enumerate() {
                text.push_str(if number == 0 { "  because: " } else { "           " });
                text.push_str(line);
                text.push('\n');
            }
            said = reason;
        }
    }
    for hint in &failure.hints {
        match hint {
            Hint::Say(sentence) => text.push_str(&format!("  {sentence}\n")),
            Hint::Run { why, command } => {
                let command = Style::new().cyan().for_stderr().apply_to(command);
                text.push_str(&format!("  {why}:\n      {command}\n"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_failure_tells_what_why_and_the_way_out() {
        console::set_colors_enabled_stderr(false);
        let cause =
            anyhow::anyhow!("connection refused").context("`GET /collections` failed: connection refused");
        let failure =
            Failure::new(Exit::BackupFailed, "`qdrant` could not be backed up, so `down` was not run")
                .because(cause)
                .say("The stack is as it was.")
                .run("To go on without a backup", "safe-compose --safe-skip-backup down");
        insta::assert_snapshot!(render(&failure), @r"
        safe-compose: error: `qdrant` could not be backed up, so `down` was not run
          because: `GET /collections` failed: connection refused
          The stack is as it was.
          To go on without a backup:
              safe-compose --safe-skip-backup down
        ");
    }
}
