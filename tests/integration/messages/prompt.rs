//! The prompt on a real terminal, and what moves there: this test binary again, in a pseudo-terminal.

use std::process::{Command, Stdio};
use std::time::Duration;

use rexpect::process::WaitStatus;
use rexpect::session::PtySession;
use safe_compose::env::Env;
use safe_compose::progress::{Progress as _, Unit};
use safe_compose::ui::{Reply, Ui};

use crate::support::write;

/// The variable that gives the other process its part.
const ROLE: &str = "SAFE_COMPOSE_TEST_PROMPT";
/// The directory in which both note how far they are.
const SCRATCH: &str = "SAFE_COMPOSE_TEST_PROMPT_SCRATCH";

const PROMPT: &str = "Type `shop` to confirm (anything else cancels): ";

/// What the other process does. Ignored, because it is no test by itself.
#[test]
#[ignore = "a part of the tests below, in a process of its own"]
#[expect(clippy::disallowed_methods, reason = "the part comes through the environment")]
#[expect(clippy::print_stdout, reason = "the result is read from the terminal")]
fn role() {
    let ui = Ui::new(&Env::from_process());
    let scratch = std::env::var_os(SCRATCH).map(std::path::PathBuf::from).expect("a directory");
    match std::env::var(ROLE).expect("a role").as_str() {
        "prompt" => {
            write(&scratch.join("ready"), "", 0o644);
            while !scratch.join("go").exists() {
                std::thread::sleep(Duration::from_millis(10));
            }
            let reply = match ui.ask("shop") {
                Reply::Typed(text) => format!("typed <{text}>"),
                Reply::EndOfInput => "end of input".to_owned(),
                Reply::Interrupted => "interrupted".to_owned(),
            };
            println!("got: {reply}");
        }
        "progress" => {
            let meter = ui.meter();
            let task = meter.begin("copying", Unit::Bytes, Some(100));
            std::thread::sleep(Duration::from_millis(700));
            task.advance(50);
            ui.say("a message meanwhile");
            std::thread::sleep(Duration::from_millis(700));
            task.finish("copied");
            drop(meter.begin("a task without an end", Unit::Time, None));
            println!("done");
        }
        other => panic!("no role `{other}`"),
    }
}

#[expect(clippy::disallowed_methods, reason = "tests start programs")]
fn again(role: &str, scratch: &std::path::Path) -> Command {
    let mut command = Command::new("env");
    command
        .arg("--default-signal")
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "messages::prompt::role", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(SCRATCH, scratch)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::inherit());
    command
}

struct Prompt {
    session: PtySession,
    scratch: tempfile::TempDir,
}

impl Prompt {
    /// A process that will ask in a moment.
    fn waiting() -> Self {
        let scratch = tempfile::tempdir().expect("a directory");
        let session = rexpect::session::spawn_command(again("prompt", scratch.path()), Some(20_000))
            .expect("a terminal");
        let ready = scratch.path().join("ready");
        while !ready.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { session, scratch }
    }

    /// Lets it ask, and waits for the prompt.
    fn shown(mut self) -> Self {
        write(&self.scratch.path().join("go"), "", 0o644);
        self.session.exp_string(PROMPT).expect("the prompt");
        self
    }

    /// What it got, and everything on the screen since the prompt.
    fn got(mut self) -> (String, String) {
        let before = self.session.exp_string("got: ").expect("a result");
        let got = self.session.read_line().expect("the result");
        self.session.exp_eof().expect("the end");
        let status = self.session.process().wait().expect("ended");
        assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
        (got.trim_end().to_owned(), before)
    }
}

#[test]
fn the_right_word() {
    let mut prompt = Prompt::waiting().shown();
    prompt.session.send_line("shop").expect("typed");
    assert_eq!(prompt.got(), ("typed <shop>".to_owned(), "shop\r\n".to_owned()));
}

#[test]
fn a_wrong_word_gets_no_tick() {
    let mut prompt = Prompt::waiting().shown();
    prompt.session.send_line("yes").expect("typed");
    assert_eq!(prompt.got(), ("typed <yes>".to_owned(), "yes\r\n".to_owned()));
}

#[test]
fn the_line_can_be_edited() {
    let mut prompt = Prompt::waiting().shown();
    prompt.session.send("shoq\u{7f}p").expect("typed");
    prompt.session.send_line("").expect("typed");
    assert_eq!(prompt.got().0, "typed <shop>");
}

#[test]
fn control_d_cancels() {
    let mut prompt = Prompt::waiting().shown();
    prompt.session.send_control('d').expect("pressed");
    assert_eq!(prompt.got(), ("end of input".to_owned(), "\r\n".to_owned()));
}

#[test]
fn control_d_behind_the_word_cancels_too() {
    let mut prompt = Prompt::waiting().shown();
    prompt.session.send("shop").expect("typed");
    prompt.session.send_control('d').expect("pressed");
    assert_eq!(prompt.got().0, "end of input");
}

#[test]
fn control_c_interrupts() {
    let mut prompt = Prompt::waiting().shown();
    prompt.session.send("sho").expect("typed");
    prompt.session.send_control('c').expect("pressed");
    assert_eq!(prompt.got(), ("interrupted".to_owned(), "sho^C\r\n".to_owned()));
}

#[test]
fn what_was_typed_before_the_prompt_is_discarded() {
    let mut prompt = Prompt::waiting();
    prompt.session.send_line("shop").expect("typed");
    // By then the terminal has it.
    std::thread::sleep(Duration::from_millis(300));
    let mut prompt = prompt.shown();
    prompt.session.send_line("no").expect("typed");
    assert_eq!(prompt.got().0, "typed <no>");
}

/// What a terminal shows in the end: a line that was cleared, or that the cursor went back over, is gone.
fn shown(raw: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut at = 0;
    let mut letters = raw.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' if letters.peek() != Some(&'\n') => lines[at].clear(),
            '\r' => {}
            '\n' => {
                at += 1;
                if at == lines.len() {
                    lines.push(String::new());
                }
            }
            '\u{1b}' => {
                let code: String = letters.by_ref().skip(1).take_while_inclusive();
                match code.chars().last() {
                    Some('A') => at = at.saturating_sub(code.trim_end_matches('A').parse().unwrap_or(1)),
                    Some('K') => lines[at].clear(),
                    Some(_) | None => {}
                }
            }
            letter => lines[at].push(letter),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The letters of an escape code, its last one included.
trait TakeCode: Iterator<Item = char> {
    fn take_while_inclusive(self) -> String;
}

impl<I: Iterator<Item = char>> TakeCode for I {
    fn take_while_inclusive(self) -> String {
        let mut code = String::new();
        for letter in self {
            code.push(letter);
            if letter.is_ascii_alphabetic() {
                break;
            }
        }
        code
    }
}

#[test]
fn bars_leave_no_traces() {
    let scratch = tempfile::tempdir().expect("a directory");
    let mut session =
        rexpect::session::spawn_command(again("progress", scratch.path()), Some(20_000)).expect("a terminal");
    let raw = session.exp_eof().expect("the end");
    assert!(raw.contains(" 0% of 100 B") && raw.contains(" 50% of 100 B"), "it moved: {raw:?}");
    let lines = shown(&raw);
    let own: Vec<&String> = lines.iter().skip_while(|line| !line.contains("safe-compose")).take(3).collect();
    assert_eq!(own, ["safe-compose: a message meanwhile", "safe-compose: copied", "done"], "{raw:?}");
}

#[test]
fn without_colour_bars_still_move() {
    let colours = |command: Command| {
        let mut session = rexpect::session::spawn_command(command, Some(20_000)).expect("a terminal");
        let raw = session.exp_eof().expect("the end");
        assert!(raw.contains(" 50% of 100 B"), "it moved: {raw:?}");
        raw.contains("\u{1b}[2m")
    };
    let scratch = tempfile::tempdir().expect("a directory");
    assert!(colours(again("progress", scratch.path())));
    let mut command = again("progress", scratch.path());
    command.env("NO_COLOR", "1");
    assert!(!colours(command));
}

#[test]
fn nothing_moves_on_a_dumb_terminal() {
    let scratch = tempfile::tempdir().expect("a directory");
    let mut command = again("progress", scratch.path());
    command.env("TERM", "dumb");
    let mut session = rexpect::session::spawn_command(command, Some(20_000)).expect("a terminal");
    let raw = session.exp_eof().expect("the end");
    assert!(!raw.contains('\u{1b}'), "{raw:?}");
    // The terminal's bytes come as letters one by one, so the dots are not looked for.
    let own = raw.lines().map(|line| line.split("safe-compose: ").last().unwrap_or(line));
    let own: Vec<&str> = own.skip_while(|line| !line.contains("meanwhile")).take(4).collect();
    assert!(own[1].starts_with("copying "), "{raw:?}");
    assert_eq!([own[0], own[2], own[3]], ["a message meanwhile", "copied", "done"], "{raw:?}");
}
