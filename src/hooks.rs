//! Runs the hooks of a project: programs that the settings name, for what happens to the project's data.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::env;
use crate::event::EventDocument;
use crate::fs::to_json;
use crate::process::{LimitedRun, run_limited};
use crate::settings::Hook;
use crate::trust::{Granted, printable};

/// How many lines of a failed hook's output are shown.
const LINES: usize = 5;

/// A hook did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    #[error("`{program}` cannot be run")]
    NotStarted {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("`{program}` ended with exit code {code}{}", after_colon(output))]
    Failed { program: String, code: i32, output: String },
    #[error("`{program}` took longer than {} s and was ended{}", limit.as_secs(), after_colon(output))]
    TimedOut { program: String, limit: Duration, output: String },
}

fn after_colon(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!(": {output}") }
}

/// Runs a hook in the project's directory and waits for it. It gets the event as JSON on standard input, and its essentials
/// in the environment, from which our own secrets and `secrets` are removed.
pub async fn run(
    _: &Granted,
    hook: &Hook,
    document: &EventDocument,
    secrets: &[String],
) -> Result<(), HookError> {
    let (program, args) = hook.run.split_first().expect("a hook has a program");
    let path = executable(program, &document.directory);
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let removed = env::SECRETS.iter().chain(env::OF_PLUGINS).map(|name| (*name).to_owned());
    let removed: Vec<String> = removed.chain(secrets.iter().cloned()).collect();
    let ended = run_limited(&LimitedRun {
        program: &path,
        args: &args,
        directory: &document.directory,
        variables: &document.variables(),
        env_remove: &removed,
        stdin: &to_json(document),
        limit: hook.timeout,
    })
    .await;
    let program = printable(program);
    let ended = match ended {
        Ok(ended) => ended,
        Err(source) => return Err(HookError::NotStarted { program, source }),
    };
    let output = last_lines(&ended.output);
    tracing::debug!(program, code = ?ended.code, output, "a hook has ended");
    match ended.code {
        Some(0) => Ok(()),
        Some(code) => Err(HookError::Failed { program, code, output }),
        None => Err(HookError::TimedOut { program, limit: hook.timeout, output }),
    }
}

/// A path is relative to the project's directory; a bare name is searched for in `PATH`.
fn executable(program: &str, directory: &Path) -> PathBuf {
    if program.contains('/') { directory.join(program) } else { PathBuf::from(program) }
}

/// The last lines of an output on one line, as a terminal may show them.
fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(printable).collect();
    lines[lines.len().saturating_sub(LINES)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_the_project() {
        let of = |program| executable(program, Path::new("/srv/shop"));
        assert_eq!(of("./hook"), Path::new("/srv/shop/./hook"));
        assert_eq!(of("bin/hook"), Path::new("/srv/shop/bin/hook"));
        assert_eq!(of("/usr/bin/hook"), Path::new("/usr/bin/hook"));
        assert_eq!(of("hook"), Path::new("hook"));
    }

    #[test]
    fn the_last_lines_are_shown() {
        assert_eq!(last_lines(b"1\n2\n\n3\n4\r\n5\n6\x1b[2J\n"), "2 | 3 | 4 | 5 | 6\\u{1b}[2J");
        assert_eq!(last_lines(b""), "");
    }
}
