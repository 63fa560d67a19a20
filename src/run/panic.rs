//! What happens when the program panics: it says what was and was not run, and exits with the code of an internal error.
//!
//! The hook ends the process itself. A release build aborts on a panic, and a debug build would unwind one thread only.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use crate::exit::Exit;
use crate::run_state::{self, RunState};

/// Installs the hook.
pub(super) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let text = message(info, run_state::get());
        // Nothing can be done about a closed standard error.
        let _ = std::io::stderr().write_all(text.as_bytes());
        exit();
    }));
}

#[expect(clippy::exit, clippy::disallowed_methods, reason = "a panicking program has nothing to return to")]
fn exit() -> ! {
    std::process::exit(i32::from(Exit::Internal.code()))
}

fn message(info: &PanicHookInfo<'_>, state: RunState) -> String {
    let payload = info.payload();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    let what = owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    let place = info.location().map(|location| format!(" ({}:{})", location.file(), location.line()));
    render(what, &place.unwrap_or_default(), state)
}

fn render(what: &str, place: &str, state: RunState) -> String {
    let report = match env!("CARGO_PKG_REPOSITORY") {
        "" => "This is a bug in safe-compose. Please report it with the text above".to_owned(),
        repository => format!(
            "This is a bug in safe-compose. Please report it with the text above at {repository}/issues"
        ),
    };
    format!(
        "safe-compose: error: internal error: {what}
  because: safe-compose {} panicked{place}
  {}
  {report}.
",
        env!("CARGO_PKG_VERSION"),
        consequence(state),
    )
}

fn consequence(state: RunState) -> &'static str {
    match state {
        RunState::NothingRun => "The command was not run.",
        RunState::OwnCommandRunning => {
            "The command may have been carried out in part. Check the project with `status` and `verify`."
        }
        RunState::ContainersHeld => {
            "The command was not run. Containers that were stopped or paused for a backup still are: `ps -a` shows them, and `unpause` and `start` let them go on."
        }
        RunState::ComposeRunning => "Docker Compose was started and may still be running; check with `ps`.",
        RunState::ComposeFinished => {
            "Docker Compose ran and finished. The data was not verified afterwards; check it with `verify`."
        }
    }
}

/// Panics where `SAFE_COMPOSE_TEST_PANIC` names this point. Only debug builds, which the tests run, look at the variable.
pub(super) fn test_trigger(point: &str) {
    #[cfg(debug_assertions)]
    assert_ne!(
        crate::env::variable("SAFE_COMPOSE_TEST_PANIC").as_deref(),
        Some(point),
        "the test asked for a panic"
    );
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_says_what_was_run() {
        let text = |state| render("index out of bounds", " (src/x.rs:1)", state);
        assert!(text(RunState::NothingRun).contains("The command was not run."));
        assert!(text(RunState::OwnCommandRunning).contains("in part"));
        assert!(text(RunState::ContainersHeld).contains("still are"));
        assert!(text(RunState::ComposeRunning).contains("may still be running"));
        assert!(text(RunState::ComposeFinished).contains("ran and finished"));
        assert!(
            text(RunState::NothingRun)
                .starts_with("safe-compose: error: internal error: index out of bounds\n")
        );
    }
}
