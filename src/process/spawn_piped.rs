//! Starts a program to communicate with over pipes.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Starts a program with its three streams as pipes, in a process group of its own: cleanup after Ctrl-C may still need
/// it. Dropping it ends it.
pub fn spawn_piped(program: &Path, args: &[OsString]) -> io::Result<Child> {
    Command::from(super::command(program))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn both_directions_work_while_it_runs() {
        let mut child = spawn_piped(Path::new("/bin/cat"), &[]).expect("started");
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut stdout = child.stdout.take().expect("a pipe");
        let mut received = [0; 2];
        for sent in [b"on", b"to"] {
            stdin.write_all(sent).await.expect("written");
            stdin.flush().await.expect("written");
            stdout.read_exact(&mut received).await.expect("answered");
            assert_eq!(&received, sent);
        }
        drop(stdin);
        assert!(child.wait().await.expect("ended").success());
    }
}
