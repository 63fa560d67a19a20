//! Runs a program and captures its output.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

/// A program to run.
#[derive(Debug, Clone, Copy)]
pub struct Capture<'a> {
    pub program: &'a Path,
    pub args: &'a [OsString],
    /// Environment variables to remove.
    pub env_remove: &'a [&'a str],
    /// Its standard input; empty if `None`.
    pub stdin: Option<&'a [u8]>,
}

/// The output of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code, or 128 plus the number of the signal that ended it.
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// A running program. Dropping this does not end it.
#[derive(Debug)]
pub struct Running(duct::Handle);

impl Capture<'_> {
    /// Starts the program without waiting for it.
    pub fn start(&self) -> io::Result<Running> {
        self.start_with(&[])
    }

    /// Starts it with additional environment variables.
    fn start_with(&self, variables: &[(&str, OsString)]) -> io::Result<Running> {
        let mut expression = duct::cmd(self.program, self.args).stdout_capture().stderr_capture().unchecked();
        expression = match self.stdin {
            Some(bytes) => expression.stdin_bytes(bytes),
            None => expression.stdin_null(),
        };
        for name in self.env_remove {
            expression = expression.env_remove(name);
        }
        for (name, value) in variables {
            expression = expression.env(name, value);
        }
        expression.start().map(Running)
    }
}

impl Running {
    /// Waits for the program to end.
    pub fn wait(self) -> io::Result<Output> {
        let output = self.0.into_output()?;
        let code = output.status.code().or_else(|| output.status.signal().map(|signal| 128 + signal));
        Ok(Output { code: code.unwrap_or(1), stdout: output.stdout, stderr: output.stderr })
    }
}

/// Runs a program and waits for it to end.
pub fn capture(what: &Capture<'_>) -> io::Result<Output> {
    what.start()?.wait()
}

/// The same with additional environment variables.
pub fn capture_with(what: &Capture<'_>, variables: &[(&str, OsString)]) -> io::Result<Output> {
    what.start_with(variables)?.wait()
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
    fn output_and_exit_code_are_captured() {
        let output = sh("printf out; printf err >&2; exit 7", None);
        assert_eq!(output, Output { code: 7, stdout: b"out".to_vec(), stderr: b"err".to_vec() });
        assert_eq!(sh("kill -9 $$", None).code, 137);
    }

    #[test]
    fn input_is_passed_and_variables_are_removed() {
        assert_eq!(sh("cat; printf %s \"$HOME\"", Some(b"in")).stdout, b"in");
        assert_eq!(sh("cat", None).stdout, b"");
        // A program that does not read its input must not cause an error.
        assert_eq!(sh("exit 0", Some(&vec![b'x'; 1 << 20])).code, 0);
    }
}
