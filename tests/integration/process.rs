//! `exec` and `supervise`, tested in a child process: this test binary, started again.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use safe_compose::process::{self, SpawnOptions};

use crate::support::{fake_compose, write};

const ROLE: &str = "SAFE_COMPOSE_TEST_ROLE";
const SCRATCH: &str = "SAFE_COMPOSE_TEST_SCRATCH";

/// Not a test: what the started process does.
#[test]
#[ignore = "started by the other tests"]
#[expect(clippy::disallowed_methods, clippy::exit, reason = "this is another process")]
fn role() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let scratch = std::env::var_os(SCRATCH).expect("set together");
    let program = Path::new(&scratch).join("program");
    match role.to_str().expect("plain") {
        "exec" => {
            let args: Vec<OsString> =
                vec!["a b".into(), "".into(), OsString::from_vec(vec![0xff, b'=', 0xfe]), "--".into()];
            panic!("{}", process::exec(&program, &args, None));
        }
        "supervise" => {
            let exit = process::supervise(&program, &["x".into()], SpawnOptions::default()).expect("it runs");
            write(
                &Path::new(&scratch).join("exit"),
                format!("{} {:?} {}", exit.code, exit.signal, exit.interrupted),
                0o644,
            );
            std::process::exit(exit.code.into());
        }
        "stdin" => {
            let exit = process::supervise(
                &program,
                &[],
                SpawnOptions { stdin: Some(b"given".to_vec()), ..SpawnOptions::default() },
            )
            .expect("it runs");
            std::process::exit(exit.code.into());
        }
        "afterwards" => {
            process::supervise(Path::new("/bin/true"), &[], SpawnOptions::default()).expect("it runs");
            write(&Path::new(&scratch).join("ready"), "", 0o644);
            std::thread::sleep(Duration::from_secs(20));
        }
        "interrupted" => {
            process::supervise(Path::new("/bin/true"), &[], SpawnOptions::default()).expect("it runs");
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let ready = Path::new(&scratch).join("ready");
                let ready = async { tokio::task::spawn_blocking(move || write(&ready, "", 0o644)).await };
                tokio::select! {
                    _ = process::interrupted() => write(&Path::new(&scratch).join("cleaned"), "", 0o644),
                    () = async { ready.await.expect("written"); std::future::pending().await } => {}
                }
            });
            std::thread::sleep(Duration::from_secs(20));
        }
        other => panic!("no role `{other}`"),
    }
}

/// This test binary in a role. Its signals have their default behaviour, because the tests may run as a background job of
/// a script, in which some signals are ignored.
#[expect(clippy::disallowed_methods, reason = "tests start programs")]
fn again(role: &str, scratch: &Path) -> Command {
    let mut command = Command::new("env");
    command
        .arg("--default-signal")
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "process::role", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(SCRATCH, scratch);
    command
}

/// Starts the process in a group of its own.
fn start(role: &str, scratch: &Path) -> Child {
    again(role, scratch)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started")
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a number")).expect("a process")
}

fn wait_for(path: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < until, "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes a program that logs every signal and exits with 3 on SIGUSR1.
fn write_logging_program(scratch: &Path) {
    let script = format!(
        "#!/bin/sh\ncd {}\nfor s in HUP INT QUIT TERM; do trap \"echo $s >>log\" $s; done\n\
         trap 'exit 3' USR1\necho $$ >ready.tmp; mv ready.tmp ready\n\
         while :; do sleep 5 >/dev/null 2>&1 & wait $!; done\n",
        scratch.display()
    );
    write(&scratch.join("program"), script, 0o755);
}

/// Sends signals to a supervising process. Returns the signals that its child logged, and how both ended.
fn logged_signals(send: impl Fn(&Child)) -> (String, String, Output) {
    let scratch = tempfile::tempdir().expect("a directory");
    write_logging_program(scratch.path());
    let child = start("supervise", scratch.path());
    wait_for(&scratch.path().join("ready"));
    send(&child);
    std::thread::sleep(Duration::from_millis(600));
    let inner = fs::read_to_string(scratch.path().join("ready")).expect("its number");
    let inner = Pid::from_raw(inner.trim().parse().expect("a number")).expect("a process");
    kill_process(inner, Signal::USR1).expect("it still runs");
    let output = child.wait_with_output().expect("it ends");
    let log = fs::read_to_string(scratch.path().join("log")).unwrap_or_default();
    let exit = fs::read_to_string(scratch.path().join("exit")).expect("it outlived its child");
    (log, exit, output)
}

#[test]
fn a_signal_to_this_process_alone_is_forwarded() {
    for (signal, name) in [(Signal::TERM, "TERM\n"), (Signal::HUP, "HUP\n"), (Signal::INT, "INT\n")] {
        let (log, exit, output) = logged_signals(|child| kill_process(pid(child), signal).expect("sent"));
        assert_eq!((log.as_str(), exit.as_str()), (name, "3 None true"));
        assert_eq!(output.status.code(), Some(3));
    }
}

#[test]
fn a_signal_to_the_group_arrives_once() {
    for (signal, name) in [(Signal::TERM, "TERM\n"), (Signal::INT, "INT\n")] {
        let (log, exit, _) = logged_signals(|child| kill_process_group(pid(child), signal).expect("sent"));
        assert_eq!((log.as_str(), exit.as_str()), (name, "3 None true"));
    }
    // Two signals arrive as two.
    let (log, ..) = logged_signals(|child| {
        kill_process_group(pid(child), Signal::TERM).expect("sent");
        std::thread::sleep(Duration::from_millis(500));
        kill_process(pid(child), Signal::TERM).expect("sent");
    });
    assert_eq!(log, "TERM\nTERM\n");
}

#[test]
fn without_signals_nothing_is_logged() {
    let (log, exit, _) = logged_signals(|_| {});
    assert_eq!((log.as_str(), exit.as_str()), ("", "3 None false"));
}

#[test]
fn a_child_ended_by_a_signal_exits_with_128_plus_its_number() {
    let scratch = tempfile::tempdir().expect("a directory");
    write(&scratch.path().join("program"), "#!/bin/sh\nkill -KILL $$\n", 0o755);
    let output = start("supervise", scratch.path()).wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(137));
    assert_eq!(fs::read_to_string(scratch.path().join("exit")).expect("noted"), "137 Some(9) false");
}

#[test]
fn a_child_gets_the_given_input() {
    let scratch = tempfile::tempdir().expect("a directory");
    write(&scratch.path().join("program"), "#!/bin/sh\n[ \"$(cat)\" = given ] && exit 5\n", 0o755);
    let output = start("stdin", scratch.path()).wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn after_the_child_has_ended_signals_end_this_process_again() {
    use std::os::unix::process::ExitStatusExt as _;
    let scratch = tempfile::tempdir().expect("a directory");
    let child = start("afterwards", scratch.path());
    wait_for(&scratch.path().join("ready"));
    kill_process(pid(&child), Signal::TERM).expect("sent");
    let status = child.wait_with_output().expect("it ends").status;
    assert_eq!(status.signal(), Some(15));
}

#[test]
fn exec_preserves_every_byte_of_the_arguments() {
    let scratch = tempfile::tempdir().expect("a directory");
    fake_compose(&scratch.path().join("program"));
    let output = start("exec", scratch.path()).wait_with_output().expect("it ends");
    let expected = b"a b\0\0\xff=\xfe\0--\0";
    assert!(output.stdout.ends_with(expected), "{:?}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_signal_from_the_terminal_arrives_once() {
    let scratch = tempfile::tempdir().expect("a directory");
    write_logging_program(scratch.path());
    let mut command = again("supervise", scratch.path());
    // The terminal starts a session of its own instead of a group.
    command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).expect("a terminal");
    wait_for(&scratch.path().join("ready"));
    terminal.send_control('c').expect("sent");
    std::thread::sleep(Duration::from_millis(600));
    let inner = fs::read_to_string(scratch.path().join("ready")).expect("its number");
    let inner = Pid::from_raw(inner.trim().parse().expect("a number")).expect("a process");
    kill_process(inner, Signal::USR1).expect("it still runs");
    wait_for(&scratch.path().join("exit"));
    assert_eq!(fs::read_to_string(scratch.path().join("log")).expect("noted"), "INT\n");
    assert_eq!(fs::read_to_string(scratch.path().join("exit")).expect("noted"), "3 None true");
}

#[test]
fn an_interrupt_can_be_awaited_and_ends_this_process_afterwards() {
    use std::os::unix::process::ExitStatusExt as _;
    let scratch = tempfile::tempdir().expect("a directory");
    let child = start("interrupted", scratch.path());
    wait_for(&scratch.path().join("ready"));
    kill_process(pid(&child), Signal::TERM).expect("sent");
    wait_for(&scratch.path().join("cleaned"));
    std::thread::sleep(Duration::from_millis(50));
    kill_process(pid(&child), Signal::TERM).expect("sent");
    assert_eq!(child.wait_with_output().expect("it ends").status.signal(), Some(15));
}
