//! Runs a program in a running container, with separated output and open input.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::TryStreamExt as _;
use tokio_util::io::StreamReader;

use super::error::ErrorMapper;
use crate::engine::{ExecEnd, ExecPipe};

/// How much of the end of standard error is kept, in bytes.
const STDERR_KEPT: usize = 16 * 1024;

/// How often the engine is asked whether a program whose output has ended has exited.
const POLL: Duration = Duration::from_millis(20);

/// Starts `argv` without a terminal.
pub(super) async fn start(
    client: &Docker,
    errors: ErrorMapper,
    container: &str,
    argv: &[&str],
) -> Result<ExecPipe, Error> {
    let options = CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        cmd: Some(argv.to_vec()),
        ..Default::default()
    };
    let exec = client.create_exec(container, options).await?;
    let started = client.start_exec(&exec.id, Some(StartExecOptions::default())).await?;
    let StartExecResults::Attached { output, input } = started else {
        return Err(Error::DockerStreamError { error: "the program was not attached".to_owned() });
    };
    let stderr = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&stderr);
    let stdout = output.map_err(std::io::Error::other).try_filter_map(move |output| {
        let message = match output {
            LogOutput::StdOut { message } | LogOutput::Console { message } => Some(message),
            LogOutput::StdErr { message } => {
                keep(&mut kept.lock().unwrap_or_else(PoisonError::into_inner), &message);
                None
            }
            LogOutput::StdIn { .. } => None,
        };
        async move { Ok(message) }
    });
    let client = client.clone();
    let end = async move {
        loop {
            let exec = client.inspect_exec(&exec.id).await;
            let exec = exec.map_err(|error| errors.request("report how a program ended", error))?;
            if let (Some(false), Some(code)) = (exec.running, exec.exit_code) {
                let kept = stderr.lock().unwrap_or_else(PoisonError::into_inner);
                return Ok(ExecEnd { code, stderr: String::from_utf8_lossy(&kept).into_owned() });
            }
            tokio::time::sleep(POLL).await;
        }
    };
    Ok(ExecPipe { stdout: Box::pin(StreamReader::new(Box::pin(stdout))), stdin: input, end: Box::pin(end) })
}

/// Appends, and keeps only the end.
fn keep(kept: &mut Vec<u8>, message: &[u8]) {
    kept.extend_from_slice(message);
    let excess = kept.len().saturating_sub(STDERR_KEPT);
    kept.drain(..excess);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_standard_error_is_kept() {
        let mut kept = Vec::new();
        keep(&mut kept, b"begin");
        assert_eq!(kept, b"begin");
        keep(&mut kept, &vec![b'x'; STDERR_KEPT - 2]);
        assert_eq!(kept.len(), STDERR_KEPT);
        assert!(kept.starts_with(b"inx"));
    }
}
