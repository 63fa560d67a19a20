//! Signals at random moments of commands that back up, destroy and restore.
//!
//! `SAFE_COMPOSE_TEST_FAULTS` says how many, `SAFE_COMPOSE_TEST_SEED` which: a failure prints the seed of its run.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::stack::{SERVICES, Seen, Stack, token};
use crate::random::Random;
use crate::support::scratch::Ran;

/// One of each act.
const RUNS: u64 = 6;

const SETTINGS: &str = "x-safe-compose: { backup: { keep: { last: 3, daily: 0, weekly: 0, monthly: 0 } } }";

/// What is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Backup,
    Down,
    Destroy,
    Restore,
    Undo,
    Prune,
}

const ACTS: [Act; 6] = [Act::Backup, Act::Down, Act::Destroy, Act::Restore, Act::Undo, Act::Prune];

const SIGNALS: [&str; 4] = ["KILL", "TERM", "INT", "HUP"];

impl Act {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Backup => &["backup"],
            Self::Down => &["down"],
            Self::Destroy => &["down", "-v"],
            Self::Restore => &["restore", "latest", "--service", "db"],
            Self::Undo => &["undo"],
            Self::Prune => &["backups", "prune"],
        }
    }
}

#[test]
fn at_random_moments() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let runs = number("SAFE_COMPOSE_TEST_FAULTS").unwrap_or(RUNS);
    let clock = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    let first = number("SAFE_COMPOSE_TEST_SEED").unwrap_or(clock << 16);
    let mut tally = Tally::default();
    let mut stack = None;
    for seed in first..first + runs {
        let Some(used) = stack.take().or_else(|| Stack::new(SETTINGS)) else { return };
        let act = ACTS[usize::try_from((seed - first) % 6).expect("small")];
        match (Run { stack: &used, random: Random::new(seed), log: Vec::new() }).carry_out(act, &mut tally) {
            Ok(()) => stack = Some(used),
            Err(wrong) => tally.wrong.push(format!("seed {seed}, {act:?}: {wrong}")),
        }
    }
    eprintln!("{} runs, of which {} ended before the signal: {:?}", runs, tally.ended_before, tally.acts);
    assert!(
        tally.wrong.is_empty(),
        "{} of {runs} went wrong\n\n{}",
        tally.wrong.len(),
        tally.wrong.join("\n\n")
    );
}

#[derive(Debug, Default)]
struct Tally {
    /// How long each takes when nothing happens.
    longest: BTreeMap<Act, Duration>,
    acts: BTreeMap<(Act, &'static str), u64>,
    ended_before: u64,
    wrong: Vec<String>,
}

struct Run<'a> {
    stack: &'a Stack,
    random: Random,
    log: Vec<String>,
}

impl Run<'_> {
    fn carry_out(mut self, act: Act, tally: &mut Tally) -> Result<(), String> {
        let number = self.random.next() >> 20;
        let before = self.prepare(act, number);
        let words = self.words(act);
        let signal = *self.random.pick(&SIGNALS);
        *tally.acts.entry((act, signal)).or_default() += 1;
        let whole = tally.longest.get(&act).copied().unwrap_or(Duration::from_millis(1500));
        let delay =
            whole.mul_f64(f64::from(u32::try_from(self.random.between(0, 1100)).expect("small")) / 1000.0);
        let interrupted = self.interrupt(&words, signal, delay);
        if interrupted.ended_before {
            tally.ended_before += 1;
            tally.longest.insert(act, interrupted.time);
        } else {
            tally.longest.entry(act).and_modify(|longest| *longest = (*longest).max(delay)).or_insert(whole);
        }
        self.stack.wait_for_the_end();
        self.note(
            &format!("{words:?}, {signal} after {delay:?} (ended before: {})", interrupted.ended_before),
            &interrupted.ran,
        );
        let outcome =
            self.judge(act, signal, &before, &interrupted).and_then(|()| self.recover(act, number, &before));
        outcome.map_err(|wrong| format!("{wrong}\n{}", self.log.join("\n")))
    }

    fn note(&mut self, what: &str, ran: &Ran) {
        self.log.push(format!("--- {what}: exit code {}\n{}{}", ran.code, ran.stdout, ran.stderr));
    }

    /// Brings the project into the state in which the act has something to do. Everything is backed up but what was written
    /// last.
    fn prepare(&mut self, act: Act, number: u64) -> Seen {
        let stack = self.stack;
        stack.write(number);
        match act {
            Act::Backup | Act::Down | Act::Destroy => {}
            Act::Restore => {
                stack.project.safe(&["backup"]).exits(0);
                stack.write(number + 1);
            }
            Act::Undo => {
                stack.confirmed(&["down", "-v"]).exits(0);
            }
            Act::Prune => {
                for more in 1..4 {
                    stack.project.safe(&["backup"]).exits(0);
                    stack.write(number + more);
                }
                stack.project.edit("last: 3", "last: 1");
            }
        }
        stack.seen()
    }

    /// With the token, where one is needed.
    fn words(&mut self, act: Act) -> Vec<String> {
        let mut words: Vec<String> = act.words().iter().map(|&word| word.to_owned()).collect();
        let asks = match act {
            Act::Destroy | Act::Restore => true,
            // What it restores into is gone.
            Act::Undo | Act::Backup | Act::Down | Act::Prune => false,
        };
        if asks {
            let refused = self.stack.project.safe(act.words());
            self.note(&format!("{act:?} without a token"), &refused);
            words.insert(0, token(&refused).expect("a token"));
        }
        words
    }

    fn interrupt(&mut self, words: &[String], signal: &str, delay: Duration) -> Interrupted {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.stack.project.safe_command(&words);
        let started = Instant::now();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let id = child.id().to_string();
        let output = std::thread::spawn(move || child.wait_with_output().expect("ended"));
        while started.elapsed() < delay && !output.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let ended_before = output.is_finished();
        if !ended_before {
            // Who is impatient sends it twice. The command may end at this moment.
            let times = if self.random.one_in(4) { 2 } else { 1 };
            for _ in 0..times {
                let _ = duct::cmd!("kill", format!("-{signal}"), &id).stderr_null().unchecked().run();
            }
        }
        let output = output.join().expect("no panic");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        Interrupted { ran, ended_before, time: started.elapsed() }
    }

    /// What holds directly afterwards.
    fn judge(&mut self, act: Act, signal: &str, before: &Seen, what: &Interrupted) -> Result<(), String> {
        let ran = &what.ran;
        if ran.stderr.contains("panicked") || ran.code == 70 {
            return Err("it panicked".to_owned());
        }
        let now = self.stack.seen();
        self.log.push(format!("--- before: {before:?}\n--- after: {now:?}"));
        for (service, number) in &before.numbers {
            self.is_somewhere(service, *number, &now)?;
        }
        self.all_listed_are_sound()?;
        let is_killed = signal == "KILL" && !what.ended_before;
        for service in SERVICES {
            let (was, is) = (&before.states[service], &now.states[service]);
            let is_intended = match act {
                Act::Backup | Act::Prune => false,
                Act::Down | Act::Destroy => is == "none",
                Act::Restore | Act::Undo => *is == "running" || (service == "idle" && is == "exited"),
            };
            if was == is || is_intended {
                continue;
            }
            if is_killed {
                let status = self.stack.project.safe(&["status"]);
                let said = format!("{}{}", status.stdout, status.stderr);
                self.note("status after the signal", &status);
                if !said.contains(service)
                    || !(said.contains("did not end") || said.contains("stopped") || said.contains("paused"))
                {
                    return Err(format!(
                        "`{service}` is {is} instead of {was}, and `status` does not say so"
                    ));
                }
            } else if !ran.stderr.contains(&format!("`{service}`")) && !says_compose(act, service, ran) {
                return Err(format!("`{service}` is {is} instead of {was}, and nothing says so"));
            }
        }
        Ok(())
    }

    /// What was in a volume is still there, or in a backup that is listed.
    fn is_somewhere(&self, service: &str, number: Option<u64>, now: &Seen) -> Result<(), String> {
        let Some(number) = number else { return Ok(()) };
        if now.numbers[service] == Some(number)
            || self.stack.backed_up(service).iter().any(|(_, found)| *found == Some(number))
        {
            return Ok(());
        }
        Err(format!("the data of `{service}` is lost"))
    }

    fn all_listed_are_sound(&mut self) -> Result<(), String> {
        let listed = self.stack.project.safe(&["backups", "list", "--format", "json"]);
        if listed.code != 0 {
            return Err(format!("the backups cannot be listed: {}", listed.stderr));
        }
        let backups: serde_json::Value =
            serde_json::from_str(&listed.stdout).map_err(|error| error.to_string())?;
        for backup in backups.as_array().into_iter().flatten() {
            let name = backup["name"].as_str().expect("a name");
            let shown = self.stack.project.safe(&["backups", "show", name]);
            if shown.code != 0 {
                return Err(format!("`{name}` is listed and damaged: {}", shown.stderr));
            }
        }
        Ok(())
    }

    /// The next commands work, and everything is as it was.
    fn recover(&mut self, act: Act, number: u64, before: &Seen) -> Result<(), String> {
        let stack = self.stack;
        if act == Act::Prune {
            stack.project.edit("last: 1", "last: 3");
        }
        let mut up = stack.project.safe(&["up", "-d"]);
        self.note("up", &up);
        // Nothing is started on data that is half restored.
        for _ in SERVICES {
            let Some(name) = unfinished_restore(&up) else { break };
            let finished = stack.confirmed(&["restore", &name]);
            self.note("the restore that did not end", &finished);
            up = stack.project.safe(&["up", "-d"]);
            self.note("up", &up);
        }
        if !matches!(up.code, 0 | 75 | 76) {
            return Err("`up` does not work afterwards".to_owned());
        }
        let wanted = |service: &str| match before.numbers[service] {
            Some(was) => was,
            None => number,
        };
        for service in SERVICES {
            if stack.seen().numbers[service] == Some(wanted(service)) {
                continue;
            }
            let backups = stack.backed_up(service);
            let Some((name, _)) = backups.iter().rev().find(|(_, found)| *found == Some(wanted(service)))
            else {
                return Err(format!("the data of `{service}` is in no backup"));
            };
            let restored = stack.confirmed(&["restore", name]);
            self.note(&format!("restore {name}"), &restored);
            if restored.code != 0 || stack.seen().numbers[service] != Some(wanted(service)) {
                return Err(format!("`{name}` cannot be restored"));
            }
        }
        let backup = stack.project.safe(&["backup"]);
        self.note("backup", &backup);
        if backup.code != 0 {
            return Err("`backup` does not work afterwards".to_owned());
        }
        let left = stack.left_over();
        if !left.is_empty() {
            return Err(format!("left over: {left:?}"));
        }
        let states = stack.seen().states;
        for service in ["db", "files"] {
            if states[service] != "running" {
                return Err(format!("`{service}` is {} in the end", states[service]));
            }
        }
        let accepted = stack.project.safe(&["verify", "--accept"]);
        self.note("verify --accept", &accepted);
        stack.start();
        Ok(())
    }
}

/// The backup that a restore was interrupted of, where that is why a command was refused.
fn unfinished_restore(refused: &Ran) -> Option<String> {
    let command = refused.stderr.split("To finish it:").nth(1).filter(|_| refused.code == 77)?;
    command.split_whitespace().skip_while(|word| *word != "restore").nth(1).map(str::to_owned)
}

/// Whether Compose itself was interrupted, and reports how far it has got.
fn says_compose(act: Act, service: &str, ran: &Ran) -> bool {
    matches!(act, Act::Down | Act::Destroy) && ran.stderr.contains(&format!("-{service}-1 "))
}

struct Interrupted {
    ran: Ran,
    /// The command was faster than the signal.
    ended_before: bool,
    time: Duration,
}
