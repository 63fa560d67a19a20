//! Runs a program in a running container, with separated output and open input.

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::TryStreamExt as _;
use tokio_util::io::StreamReader;

use crate::engine::ExecPipe;

/// Starts `argv` without a terminal. Standard error is discarded.
pub(super) async fn start(client: &Docker, container: &str, argv: &[&str]) -> Result<ExecPipe, Error> {
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
    let stdout = output.map_err(std::io::Error::other).try_filter_map(|output| async move {
        Ok(match output {
            LogOutput::StdOut { message } | LogOutput::Console { message } => Some(message),
            LogOutput::StdErr { .. } | LogOutput::StdIn { .. } => None,
        })
    });
    Ok(ExecPipe { stdout: Box::pin(StreamReader::new(Box::pin(stdout))), stdin: input })
}
