//! A failure as people read it: what, why, and what to do next.

use console::Style;

use super::printable::{printable, printable_line};
use super::wrap::{HANGING, fill};
use crate::error::{Failure, Hint, causes_beside};

const BECAUSE: &str = "  because: ";
const UNDER_BECAUSE: &str = "           ";

/// How a failure is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailureLayout {
    pub(super) width: usize,
    pub(super) colour: bool,
}

/// The complete message.
pub(super) fn render(failure: &Failure, layout: FailureLayout) -> String {
    let style = |style: Style| style.force_styling(layout.colour);
    let mark = style(Style::new().red().bold()).apply_to("safe-compose: error:").to_string();
    let mut text = fill(&printable(&failure.message), layout.width, &format!("{mark} "), HANGING);
    text.push('\n');
    if let Some(cause) = &failure.cause {
        for (number, line) in printable(&causes_beside(&failure.message, cause)).lines().enumerate() {
            let indent = if number == 0 { BECAUSE } else { UNDER_BECAUSE };
            text.push_str(&fill(line, layout.width, indent, UNDER_BECAUSE));
            text.push('\n');
        }
    }
    for hint in &failure.hints {
        match hint {
            Hint::Say(sentence) => text.push_str(&sentence_lines(sentence, layout)),
            Hint::Run { why, command } => {
                let command = style(Style::new().cyan()).apply_to(printable_line(command));
                text.push_str(&sentence_lines(&format!("{why}:"), layout));
                // Never wrapped: it is to be copied.
                text.push_str(&format!("      {command}\n"));
            }
        }
    }
    text
}

/// A sentence in its place. An item of a list goes on below its own text.
fn sentence_lines(sentence: &str, layout: FailureLayout) -> String {
    let rest = if sentence.starts_with("- ") { "    " } else { "  " };
    format!("{}\n", fill(&printable(sentence), layout.width, "  ", rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn failure() -> Failure {
        let cause =
            anyhow::anyhow!("connection refused").context("`GET /collections` failed: connection refused");
        Failure::new(Exit::BackupFailed, "`qdrant` could not be backed up, so `down` was not run")
            .because(cause)
            .say("The stack is as it was.")
            .say("- collection `recipes` is gone (50 points)")
            .run("To go on without a backup", "safe-compose --safe-skip-backup down")
    }

    #[test]
    fn a_failure_tells_what_why_and_the_way_out() {
        insta::assert_snapshot!(render(&failure(), FailureLayout { width: 80, colour: false }), @r"
        safe-compose: error: `qdrant` could not be backed up, so `down` was not run
          because: `GET /collections` failed: connection refused
          The stack is as it was.
          - collection `recipes` is gone (50 points)
          To go on without a backup:
              safe-compose --safe-skip-backup down
        ");
    }

    #[test]
    fn everything_but_the_command_is_wrapped() {
        insta::assert_snapshot!(render(&failure(), FailureLayout { width: 36, colour: false }), @r"
        safe-compose: error: `qdrant` could
                      not be backed up, so
                      `down` was not run
          because: `GET /collections`
                   failed: connection
                   refused
          The stack is as it was.
          - collection `recipes` is gone (50
            points)
          To go on without a backup:
              safe-compose --safe-skip-backup down
        ");
    }

    #[test]
    fn colour_is_used_where_it_may_be() {
        let coloured = render(&failure(), FailureLayout { width: 80, colour: true });
        assert!(coloured.contains("\u{1b}[36msafe-compose --safe-skip-backup down\u{1b}[0m"), "{coloured:?}");
        assert_eq!(
            console::strip_ansi_codes(&coloured),
            render(&failure(), FailureLayout { width: 80, colour: false })
        );
    }
}
