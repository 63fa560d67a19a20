//! Runs a program that has to end by itself and captures its output.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Capture, Output};

/// Runs a program and waits for it to end. It is in a process group of its own, so that Ctrl-C does not reach it; dropping
/// the future does not end it either.
pub async fn capture_apart(what: &Capture<'_>) -> io::Result<Output> {
    let mut command = Command::from(super::command(what.program));
    command
        .args(what.args)
        .stdin(if what.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for name in what.env_remove {
        command.env_remove(name);
    }
    let mut child = command.spawn()?;
    let input = child.stdin.take();
    let write = async {
        if let (Some(mut pipe), Some(bytes)) = (input, what.stdin) {
            // The program may end before it has read everything.
            let _ = pipe.write_all(bytes).await;
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output?;
    let code = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
    Ok(Output { code: code.unwrap_or(1), stdout: output.stdout, stderr: output.stderr })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn it_runs_in_its_own_process_group() {
        let args = ["-c".into(), "cat; ps -o pgid= -p $$; echo $$ >&2; exit 3".into()];
        let program = Path::new("/bin/sh");
        let what = Capture { program, args: &args, env_remove: &[], stdin: Some(b"in ") };
        let output = capture_apart(&what).await.expect("a shell runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let group = text(&output.stdout).strip_prefix("in").map(|group| group.trim().to_owned());
        assert_eq!((output.code, group), (3, Some(text(&output.stderr))));
    }
}
