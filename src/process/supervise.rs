//! Runs a program on the terminal and waits for it.
//!
//! The child is in the process group of this process, so it receives signals from the terminal (Ctrl-C, Ctrl-\, Ctrl-Z,
//! hang-up) directly. A signal to this process alone is forwarded once. This process always outlives the child.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::raw::c_int;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::{Cause, Origin};

use super::group_signal::GroupSignalDetector;
use super::signals::{SignalGuard, handled_signals};
use crate::run_state::{self, RunState};

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildExit {
    /// The exit code, or 128 plus the number of the signal that ended it.
    pub code: u8,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether this process received a signal while the program ran, from the terminal or from another process.
    pub interrupted: bool,
}

/// A program that runs on the terminal.
#[derive(Debug)]
#[must_use = "the child must be waited for"]
struct SupervisedChild {
    child: Child,
    target: Arc<SignalTarget>,
    forwarder: Option<(Handle, JoinHandle<()>)>,
    _guard: SignalGuard,
}

/// Where signals are forwarded to.
#[derive(Debug)]
struct SignalTarget {
    /// `None` once the child has ended: its process id may be reused.
    pid: Mutex<Option<Pid>>,
    interrupted: AtomicBool,
}

impl SignalTarget {
    fn pid(&self) -> MutexGuard<'_, Option<Pid>> {
        self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a program gets in addition to its arguments.
#[derive(Debug, Clone, Default)]
pub struct SpawnOptions {
    /// Replaces standard input.
    pub stdin: Option<Vec<u8>>,
    /// Added to the environment.
    pub variable: Option<(&'static str, OsString)>,
}

/// Runs a program on the terminal and waits for it to end.
pub fn supervise(program: &Path, args: &[OsString], options: SpawnOptions) -> io::Result<ChildExit> {
    spawn(program, args, options)?.wait()
}

fn spawn(program: &Path, args: &[OsString], options: SpawnOptions) -> io::Result<SupervisedChild> {
    // Set up before the child exists, so that no signal ends this process without the child or is misattributed.
    let guard = SignalGuard::take();
    let signals = SignalsInfo::<WithOrigin>::new(handled_signals())?;
    let detector = GroupSignalDetector::start();
    let mut command = super::command(program);
    command.args(args).envs(options.variable);
    if options.stdin.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    run_state::set(RunState::ComposeRunning);
    if let (Some(bytes), Some(mut pipe)) = (options.stdin, child.stdin.take()) {
        // The child may end before it has read everything.
        std::thread::spawn(move || drop(pipe.write_all(&bytes)));
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let target = Arc::new(SignalTarget { pid: Mutex::new(pid), interrupted: AtomicBool::new(false) });
    let handle = signals.handle();
    let thread = std::thread::spawn({
        let target = Arc::clone(&target);
        move || forward(signals, &target, detector)
    });
    Ok(SupervisedChild { child, target, forwarder: Some((handle, thread)), _guard: guard })
}

impl SupervisedChild {
    fn wait(mut self) -> io::Result<ChildExit> {
        let pid = *self.target.pid();
        if let Some(pid) = pid {
            // Keeps the process id reserved until no more signals are forwarded to it.
            while let Err(error) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                if error != rustix::io::Errno::INTR {
                    break;
                }
            }
        }
        *self.target.pid() = None;
        let status = self.child.wait()?;
        run_state::set(RunState::ComposeFinished);
        self.stop_forwarding();
        let signal = status.signal();
        let code =
            status.code().or(signal.map(|signal| 128 + signal)).and_then(|code| u8::try_from(code).ok());
        let interrupted = self.target.interrupted.load(Ordering::SeqCst);
        Ok(ChildExit { code: code.unwrap_or(1), signal, interrupted })
    }

    fn stop_forwarding(&mut self) {
        if let Some((handle, thread)) = self.forwarder.take() {
            handle.close();
            let _ = thread.join();
        }
    }
}

impl Drop for SupervisedChild {
    fn drop(&mut self) {
        self.stop_forwarding();
    }
}

fn forward(mut signals: SignalsInfo<WithOrigin>, target: &SignalTarget, mut detector: GroupSignalDetector) {
    for origin in signals.forever() {
        target.interrupted.store(true, Ordering::SeqCst);
        if let Some(signal) = signal_to_forward(&origin, &mut detector)
            && let Some(pid) = *target.pid()
        {
            // Fails only if the child has just ended.
            let _ = kill_process(pid, signal);
        }
    }
}

/// The signal to forward; `None` if the child has received it already.
fn signal_to_forward(origin: &Origin, detector: &mut GroupSignalDetector) -> Option<Signal> {
    let number: c_int = origin.signal;
    if origin.cause == Cause::Kernel || detector.was_sent_to_group(number) {
        return None;
    }
    Signal::from_named_raw(number)
}
