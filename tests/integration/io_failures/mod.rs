//! Operations in which one system call fails, whichever it is: strace makes it fail, in libraries too.
//!
//! Each run is a process of its own: this test program once more, which prepares a project on an engine in memory, lets strace
//! attach, runs the operation, lets strace go, and checks what is left. A few calls are tried, which are spread over all of them.
//! `SAFE_COMPOSE_TEST_IO_FAILURES` is how many of each operation, or `all`: every call with every error that it may return.
#![expect(clippy::disallowed_methods, reason = "the tests start themselves and strace")]

mod calls;
mod operations;

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use calls::{CALLS, Failure, failures};
use operations::{OPERATIONS, Operation};
use rustix::process::{Pid, Signal, kill_process};

use crate::requirements::missing;

const VARIABLE: &str = "SAFE_COMPOSE_TEST_IO_OPERATION";

/// How many failures of each operation are usually tried.
const SPREAD: usize = 4;

/// The other process. What it and its parent say to each other are lines that begin with `@`.
#[test]
#[ignore = "started by the other tests of this file"]
fn operation() {
    let name = std::env::var(VARIABLE).expect("it is started by the other tests of this file");
    // The call that fails may be this one.
    let wait = || while std::io::stdin().read_line(&mut String::new()).is_err() {};
    Operation::named(&name).run(
        |scene| {
            say(&format!("@ready {}", scene.path("").display()));
            wait();
        },
        |attempt| {
            say(&format!("@ended {}", attempt.exit));
            wait();
        },
    );
    say("@sound");
}

fn say(line: &str) {
    let text = format!("\n{line}\n");
    // The call that fails may be this one.
    while std::io::stdout().write_all(text.as_bytes()).is_err() {}
}

/// An operation in its own process.
struct Run {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it has printed for people.
    printed: Vec<String>,
}

impl Run {
    fn start(operation: &Operation) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "io_failures::operation", "--ignored", "--nocapture"])
            .env(VARIABLE, operation.name)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let stdin = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, stdin, lines, printed: Vec::new() }
    }

    /// Waits for a line that begins with a word, and returns what follows it; `None` if the process ends before.
    fn wait_for(&mut self, word: &str) -> Option<String> {
        for line in self.lines.by_ref() {
            let line = line.expect("a line");
            if let Some(rest) = line.strip_prefix(word) {
                return Some(rest.trim().to_owned());
            }
            self.printed.push(line);
        }
        None
    }

    fn go_on(&mut self) {
        // Fails if the process has ended, which is noticed where it is waited for.
        let _ = self.stdin.write_all(b"\n");
    }

    /// What it has printed, if it ended before it was expected to.
    fn died(mut self) -> String {
        let mut text = self.printed.join("\n");
        let _ = self.child.stderr.take().expect("piped").read_to_string(&mut text);
        let status = self.child.wait().expect("ended");
        format!("{text}\n{status}")
    }
}

/// strace, attached to a process and not to the programs that it starts. `None` where that is not allowed.
fn attach(to: &Child, arguments: &[&str]) -> Option<(Child, BufReader<ChildStderr>)> {
    let mut tracer = Command::new("strace")
        .args(["-f", "-y", "-b", "execve", "-p", &to.id().to_string()])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut said = BufReader::new(tracer.stderr.take().expect("piped"));
    let mut line = String::new();
    while said.read_line(&mut line).is_ok_and(|count| count > 0) {
        if line.contains("attached") {
            return Some((tracer, said));
        }
    }
    let _ = tracer.wait();
    None
}

fn detach((mut tracer, mut said): (Child, BufReader<ChildStderr>)) {
    let pid = i32::try_from(tracer.id()).ok().and_then(Pid::from_raw).expect("a process");
    let _ = kill_process(pid, Signal::TERM);
    let _ = said.read_to_string(&mut String::new());
    let _ = tracer.wait();
}

/// Runs an operation in which one call fails. `Err` says what does not hold.
fn run_with(operation: &Operation, failure: Failure, report: &Path) -> Result<(), String> {
    let Failure { call, number, error } = failure;
    let inject = format!("inject={call}:error={error}:when={number}");
    let trace = format!("trace={call}");
    let arguments = ["-o", report.to_str().expect("a path"), "-e", trace.as_str(), "-e", inject.as_str()];
    run(operation, &arguments)
        .map(drop)
        .map_err(|why| format!("{}, {call} {number} {error}: {why}", operation.name))
}

/// Returns the project's directory.
fn run(operation: &Operation, arguments: &[&str]) -> Result<String, String> {
    let mut run = Run::start(operation);
    let Some(directory) = run.wait_for("@ready") else { return Err(run.died()) };
    let Some(tracer) = attach(&run.child, arguments) else { return Err("strace cannot attach".to_owned()) };
    run.go_on();
    let ended = run.wait_for("@ended");
    detach(tracer);
    run.go_on();
    if ended.is_none() || run.wait_for("@sound").is_none() {
        return Err(run.died());
    }
    let _ = run.wait_for("@end");
    let _ = run.child.wait();
    Ok(directory)
}

/// The failures that an operation can have.
fn possible(operation: &Operation, report: &Path) -> Result<Vec<Failure>, String> {
    let trace = format!("trace={}", CALLS.join(","));
    let directory = run(operation, &["-o", report.to_str().expect("a path"), "-e", &trace])?;
    // The program's state of the user is beside the project.
    let directories = [directory, "/tmp/tool-".to_owned()];
    let found = failures(&fs::read_to_string(report).expect("a report"), &directories);
    Ok(found.into_iter().collect())
}

/// So many of them, at the same distance from each other.
fn spread(all: &[Failure], most: usize) -> Vec<Failure> {
    let count = most.min(all.len());
    (0..count).map(|at| all[(2 * at + 1) * all.len() / (2 * count)]).collect()
}

#[test]
fn whichever_call_fails() {
    let most = match std::env::var("SAFE_COMPOSE_TEST_IO_FAILURES").as_deref() {
        Ok("all") => usize::MAX,
        Ok(number) => number.parse().expect("SAFE_COMPOSE_TEST_IO_FAILURES is a number or `all`"),
        Err(_) => SPREAD,
    };
    let only = std::env::var(VARIABLE).ok();
    if Command::new("strace").arg("--version").stdout(Stdio::null()).status().is_err() {
        return missing("strace is not installed");
    }
    let reports = tempfile::tempdir().expect("a directory");
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = OPERATIONS
            .iter()
            .filter(|operation| only.as_deref().is_none_or(|only| only == operation.name))
            .map(|operation| {
                let report = reports.path().join(operation.name);
                scope.spawn(move || every_failure(operation, most, &report))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    if wrong.iter().any(|why| why.contains("strace cannot attach")) {
        return missing("this process may not be traced");
    }
    assert!(wrong.is_empty(), "{} of them:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[expect(clippy::print_stderr, reason = "a long run says how far it is, and what it has found")]
fn every_failure(operation: &Operation, most: usize, report: &Path) -> Vec<String> {
    let all = match possible(operation, report) {
        Ok(all) if all.len() > 50 => all,
        Ok(few) => return vec![format!("{} has only {} calls that can fail", operation.name, few.len())],
        Err(why) => return vec![format!("{} without failures: {why}", operation.name)],
    };
    let chosen = spread(&all, most);
    let mut wrong = Vec::new();
    for (at, failure) in chosen.iter().enumerate() {
        if at % 50 == 0 && most > SPREAD {
            eprintln!("{}: {at} of {}, {} wrong", operation.name, chosen.len(), wrong.len());
        }
        if let Err(why) = run_with(operation, *failure, report) {
            eprintln!("{why}");
            wrong.push(why);
        }
    }
    wrong
}
