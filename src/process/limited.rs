//! Runs a program that has to end within a time.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How much of the output is kept: its end.
const KEPT: usize = 8 * 1024;

/// How long a program has between `SIGTERM` and `SIGKILL`.
const GRACE: Duration = Duration::from_secs(2);

/// A program to run, and for how long at most.
#[derive(Debug, Clone, Copy)]
pub struct LimitedRun<'a> {
    pub program: &'a Path,
    pub args: &'a [OsString],
    pub directory: &'a Path,
    /// Added to the environment.
    pub variables: &'a [(String, String)],
    /// Removed from it.
    pub env_remove: &'a [String],
    pub stdin: &'a [u8],
    pub limit: Duration,
}

/// How the program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitedEnd {
    /// The exit code, or 128 plus the number of the signal that ended it; `None` if it was ended because of the time.
    pub code: Option<i32>,
    /// The end of what it has printed, standard output and standard error as they came.
    pub output: Vec<u8>,
}

/// Ends a process group when it is dropped.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It fails if there is none any more.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Runs a program in a process group of its own, which Ctrl-C does not reach. The group is ended when the time is over, and
/// when the future is dropped. What the program leaves in the background when it ends in time keeps running.
pub async fn run_limited(what: &LimitedRun<'_>) -> io::Result<LimitedEnd> {
    let (reader, writer) = io::pipe()?;
    let mut child = spawn(what, writer)?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let mut group = ProcessGroup(pid);
    let mut pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut output = Tail::default();
    let ended = timeout(what.limit, communicate(&mut child, what.stdin, &mut pipe, &mut output)).await;
    let code = if let Ok(status) = ended {
        let status = status?;
        group.0 = None;
        Some(code(status))
    } else {
        group.signal(Signal::TERM);
        let _ = timeout(GRACE, child.wait()).await;
        drop(group);
        child.wait().await?;
        None
    };
    output.drain(&pipe);
    Ok(LimitedEnd { code, output: output.0 })
}

fn spawn(what: &LimitedRun<'_>, writer: io::PipeWriter) -> io::Result<Child> {
    let mut command = Command::from(super::command(what.program));
    command
        .args(what.args)
        .current_dir(what.directory)
        .stdin(Stdio::piped())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true);
    for name in what.env_remove {
        command.env_remove(name);
    }
    command.envs(what.variables.iter().map(|(name, value)| (name, value)));
    command.spawn()
}

/// Feeds the program and reads what it prints, until it ends. What it has started may keep the pipes open for longer.
async fn communicate(
    child: &mut Child,
    input: &[u8],
    pipe: &mut Receiver,
    output: &mut Tail,
) -> io::Result<ExitStatus> {
    let stdin = child.stdin.take();
    let write = async move {
        if let Some(mut stdin) = stdin {
            // The program may not read it.
            let _ = stdin.write_all(input).await;
        }
    };
    tokio::pin!(write);
    let (mut is_written, mut is_open) = (false, true);
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            status = child.wait() => return status,
            () = &mut write, if !is_written => is_written = true,
            read = pipe.read(&mut buffer), if is_open => match read {
                Ok(count) if count > 0 => output.push(&buffer[..count]),
                Ok(_) | Err(_) => is_open = false,
            },
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// The end of an output.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
    }

    /// What is in the pipe already.
    fn drain(&mut self, pipe: &Receiver) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.try_read(&mut buffer) {
            self.push(&buffer[..count]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(args: &[OsString], limit: Duration) -> LimitedRun<'_> {
        LimitedRun {
            program: Path::new("/bin/sh"),
            args,
            directory: Path::new("/"),
            variables: &[],
            env_remove: &[],
            stdin: b"in\n",
            limit,
        }
    }

    fn args(script: &str) -> [OsString; 2] {
        ["-c".into(), script.into()]
    }

    async fn run(script: &str, limit: Duration) -> (Option<i32>, String) {
        let ended = run_limited(&shell(&args(script), limit)).await.expect("a shell runs");
        (ended.code, String::from_utf8_lossy(&ended.output).into_owned())
    }

    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn output_comes_in_its_order_and_only_its_end_is_kept() {
        let script = "cat; echo err >&2; pwd; exit 3";
        assert_eq!(run(script, LONG).await, (Some(3), "in\nerr\n/\n".to_owned()));
        let (code, output) = run("seq 1 20000", LONG).await;
        assert_eq!((code, output.len()), (Some(0), KEPT));
        assert!(output.ends_with("19999\n20000\n"));
        assert_eq!(run("kill -9 $$", LONG).await.0, Some(137));
    }

    #[tokio::test]
    async fn its_environment_is_ours_with_changes() {
        let args = args("printf %s \"$ONE-$HOME\"");
        let (variables, env_remove) = ([("ONE".to_owned(), "1".to_owned())], ["HOME".to_owned()]);
        let what = LimitedRun { variables: &variables, env_remove: &env_remove, ..shell(&args, LONG) };
        assert_eq!(run_limited(&what).await.expect("a shell runs").output, b"1-");
    }

    #[tokio::test]
    async fn when_the_time_is_over_the_group_is_ended() {
        let (dir, started) = (tempfile::tempdir().expect("a directory"), Instant::now());
        let mark = dir.path().join("late");
        // Neither the shell nor its child reacts to SIGTERM.
        let script =
            format!("trap '' TERM; echo out; (sleep 4; touch {0}) & sleep 4; touch {0}", mark.display());
        assert_eq!(run(&script, SHORT).await, (None, "out\n".to_owned()));
        assert!(started.elapsed() < Duration::from_secs(4));
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!mark.exists(), "something still runs");
    }

    #[tokio::test]
    async fn a_program_in_the_background_is_not_waited_for() {
        let started = Instant::now();
        assert_eq!(run("sleep 5 & echo x", LONG).await.0, Some(0));
        assert!(started.elapsed() < Duration::from_secs(4));
    }

    #[tokio::test]
    async fn dropping_it_ends_the_group() {
        let dir = tempfile::tempdir().expect("a directory");
        let mark = dir.path().join("late");
        let args = args(&format!("(sleep 2; touch {0}) & sleep 2; touch {0}", mark.display()));
        assert!(timeout(SHORT, run_limited(&shell(&args, LONG))).await.is_err());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!mark.exists(), "something still runs");
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_an_error() {
        let what = LimitedRun { program: Path::new("/nonexistent"), ..shell(&[], LONG) };
        assert!(run_limited(&what).await.is_err());
    }
}
