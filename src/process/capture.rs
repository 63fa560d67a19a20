//! Runs a program out of sight and keeps what it says.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Capture<'a> {
    pub program: &'a Path,
    pub args: &'a [OsString],
    /// Variables that it must not see.
    pub env_remove: &'a [&'a str],
    /// What it reads; nothing when `None`.
    pub stdin: Option<&'a [u8]>,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code, or 128 and the number of the signal that ended it.
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// A program under way; dropping it leaves it to end by itself.
#[derive(Debug)]
pub struct Running(duct::Handle);

impl Capture<'_> {
    /// Starts it, so that something else can be done meanwhile.
    pub fn start(&self) -> io::Result<Running> {
        let mut expression = duct::cmd(self.program, self.args).stdout_capture().stderr_capture().unchecked();
        expression = match self.stdin {
            Some(bytes) => expression.stdin_bytes(bytes),
            None => expression.stdin_null(),
        };
        for name in self.env_remove {
            expression = expression.env_remove(name);
        }
        expression.start().map(Running)
    }
}

impl Running {
    pub fn wait(self) -> io::Result<Output> {
        let output = self.0.into_output()?;
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
        Ok(Output { code: code.unwrap_or(1), stdout: output.stdout, stderr: output.stderr })
    }
}

/// Runs a program to its end.
pub fn capture(what: &Capture<'_>) -> io::Result<Output> {
    what.start()?.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, stdin: Option<&[u8]>) -> Output {
        let args = ["-c".into(), script.into()];
        let program = Path::new("/bin/sh");
        capture(&Capture { program, args: &args, env_remove: &["HOME"], stdin }).expect("a shell runs")
    }

    #[test]
    fn says_everything_and_fails_without_an_error() {
        let output = sh("printf out; printf err >&2; exit 7", None);
        assert_eq!(output, Output { code: 7, stdout: b"out".to_vec(), stderr: b"err".to_vec() });
        assert_eq!(sh("kill -9 $$", None).code, 137);
    }

    #[test]
    fn reads_what_it_is_given_and_does_not_see_what_is_removed() {
        assert_eq!(sh("cat; printf %s \"$HOME\"", Some(b"in")).stdout, b"in");
        assert_eq!(sh("cat", None).stdout, b"");
        // A program that does not read must not make the writing fail.
        assert_eq!(sh("exit 0", Some(&vec![b'x'; 1 << 20])).code, 0);
    }
}
