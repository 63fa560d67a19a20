//! Commands that print until they are interrupted: the same output, and the same end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use super::normalize::{Varying, normalized};
use super::side::{Pairs, Side};
use super::table::{CASE, Case};
use crate::oracle::engine;
use crate::oracle::trial::Trial;

/// So long may a line take before it counts as missing.
const MISSING: Duration = Duration::from_mins(2);

const EVENTS: &[Case] = &[Case { line: "events", ..CASE }, Case { line: "events --json db", ..CASE }];
const LOGS: Case = Case { line: "logs --no-color -f db", ..CASE };

pub(super) fn all(pairs: &Pairs) {
    let trial = &pairs.trial;
    for (real, ours, caller) in &pairs.sides {
        let mut both = [Following::start(trial, real, &LOGS), Following::start(trial, ours, &LOGS)];
        let seen = both.each_mut().map(|one| one.until("ready"));
        assert_eq!(seen[0], seen[1], "{caller:?}");
        let ends = both.map(Following::interrupt);
        assert_eq!(ends[0], ends[1], "`{}` by {caller:?}", LOGS.line);

        for case in EVENTS {
            let mut both = [Following::start(trial, real, case), Following::start(trial, ours, case)];
            // Nothing says that a client is subscribed but the first event that it prints.
            for one in &mut both {
                one.until_any(|| {
                    post(trial, "pause");
                    post(trial, "unpause");
                });
            }
            post(trial, "kill?signal=WINCH");
            let seen = both.each_mut().map(|one| normalized(one.until("kill").as_bytes(), Varying::Words));
            assert_eq!(seen[0], seen[1], "{caller:?}");
            let ends = both.map(Following::interrupt);
            assert_eq!(ends[0], ends[1], "`{}` by {caller:?}", case.line);
        }
    }
}

fn post(trial: &Trial, what: &str) {
    let filter = engine::filters("name", &format!("{}.db", trial.project));
    let found = engine::get(&format!("/containers/json?{filter}")).expect("a list");
    let id = found[0]["Id"].as_str().expect("a container").to_owned();
    engine::post(&format!("/containers/{id}/{what}"), &json!({}));
}

/// A command that is running, in a process group of its own, as a shell starts it.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn start(trial: &Trial, side: &Side, case: &Case) -> Self {
        let mut command = side.command(trial, case);
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// The first line with this text.
    fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(MISSING).unwrap_or_else(|_| panic!("no line with `{text}`"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for any line, and does this again and again until it comes.
    fn until_any(&mut self, cause: impl Fn()) {
        for _ in 0..600 {
            cause();
            if self.lines.recv_timeout(Duration::from_millis(200)).is_ok() {
                return;
            }
        }
        panic!("no event");
    }

    /// Ctrl-C. The exit code, and what is on standard error.
    fn interrupt(mut self) -> (ExitStatus, String) {
        let group = Pid::from_child(&self.child);
        kill_process_group(group, Signal::INT).expect("sent");
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().expect("piped");
        pipe.read_to_string(&mut stderr).expect("text");
        (self.child.wait().expect("it ends"), stderr)
    }
}
