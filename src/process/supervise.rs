//! Runs a program on our own terminal and waits for it.
//!
//! It shares our process group, so what the terminal sends (Ctrl-C, Ctrl-\, Ctrl-Z, a hang-up) reaches it without us.
//! What was sent to us alone is passed on, once. We outlive it, whatever is sent.

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

use super::signals::{SignalGuard, watched};
use super::witness::Witness;
use crate::run_state::{self, RunState};

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildExit {
    /// Its exit code, or 128 and the number of the signal that ended it.
    pub code: u8,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether we received a signal to end while it ran, from the terminal or from anybody.
    pub interrupted: bool,
}

/// A program that runs on our terminal. It must be [waited](Supervised::wait) for.
#[derive(Debug)]
#[must_use = "a child that nobody waits for is lost"]
pub struct Supervised {
    child: Child,
    target: Arc<Target>,
    forwarder: Option<(Handle, JoinHandle<()>)>,
    _hold: SignalGuard,
}

/// Where signals go.
#[derive(Debug)]
struct Target {
    /// `None` once the child is gone: its number may then be another's.
    pid: Mutex<Option<Pid>>,
    interrupted: AtomicBool,
}

impl Target {
    fn pid(&self) -> MutexGuard<'_, Option<Pid>> {
        self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a program gets besides its words.
#[derive(Debug, Clone, Default)]
pub struct SpawnOptions {
    /// What it reads, instead of what we would.
    pub stdin: Option<Vec<u8>>,
    /// Added to our environment.
    pub variable: Option<(&'static str, &'static str)>,
}

/// Runs a program to its end on our terminal.
pub fn supervise(program: &Path, args: &[OsString], options: SpawnOptions) -> io::Result<ChildExit> {
    spawn(program, args, options)?.wait()
}

/// Starts a program on our terminal.
pub fn spawn(program: &Path, args: &[OsString], options: SpawnOptions) -> io::Result<Supervised> {
    // All of it before the child exists: no signal can end us and leave it behind, or be taken for one to us alone.
    let hold = SignalGuard::take();
    let signals = SignalsInfo::<WithOrigin>::new(watched())?;
    let witness = Witness::start();
    let mut command = super::command(program);
    command.args(args).envs(options.variable);
    if options.stdin.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    run_state::set(RunState::ComposeRunning);
    if let (Some(bytes), Some(mut pipe)) = (options.stdin, child.stdin.take()) {
        // The child may end without having read it all.
        std::thread::spawn(move || drop(pipe.write_all(&bytes)));
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let target = Arc::new(Target { pid: Mutex::new(pid), interrupted: AtomicBool::new(false) });
    let handle = signals.handle();
    let thread = std::thread::spawn({
        let target = Arc::clone(&target);
        move || forward(signals, &target, witness)
    });
    Ok(Supervised { child, target, forwarder: Some((handle, thread)), _hold: hold })
}

impl Supervised {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> io::Result<ChildExit> {
        let pid = *self.target.pid();
        if let Some(pid) = pid {
            // Leaves the number taken until no more signals go to it.
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

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop_forwarding();
    }
}

fn forward(mut signals: SignalsInfo<WithOrigin>, target: &Target, mut witness: Witness) {
    for origin in signals.forever() {
        target.interrupted.store(true, Ordering::SeqCst);
        if let Some(signal) = for_the_child(&origin, &mut witness)
            && let Some(pid) = *target.pid()
        {
            // It fails only when the child has just ended.
            let _ = kill_process(pid, signal);
        }
    }
}

/// The signal to pass on, unless the child has it already.
fn for_the_child(origin: &Origin, witness: &mut Witness) -> Option<Signal> {
    let number: c_int = origin.signal;
    if origin.cause == Cause::Kernel || witness.was_hit(number) {
        return None;
    }
    Signal::from_named_raw(number)
}
