//! A program beside us that is talked with over its input and its output.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Starts it with all three streams as pipes. What the terminal sends to us does not reach it: what is cleaned up after
/// a Ctrl-C may still need it. It ends when it is dropped.
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
    async fn both_sides_speak_while_it_runs() {
        let mut child = spawn_piped(Path::new("/bin/cat"), &[]).expect("started");
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut stdout = child.stdout.take().expect("a pipe");
        let mut heard = [0; 2];
        for said in [b"on", b"to"] {
            stdin.write_all(said).await.expect("written");
            stdin.flush().await.expect("written");
            stdout.read_exact(&mut heard).await.expect("answered");
            assert_eq!(&heard, said);
        }
        drop(stdin);
        assert!(child.wait().await.expect("ended").success());
    }
}
