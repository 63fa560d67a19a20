//! The signals that are handled while a child runs, and their behaviour afterwards.
//!
//! A signal that was ignored at startup (`nohup`, a background job of a script) stays ignored: catching it would change
//! that for the child too. Other signals do not end this process while a child runs, and do so again afterwards.

use std::os::raw::c_int;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static SUPERVISED: AtomicUsize = AtomicUsize::new(0);
static PROMPTING: AtomicUsize = AtomicUsize::new(0);
static HANDLED: OnceLock<HandledSignals> = OnceLock::new();

/// The handled signals.
struct HandledSignals {
    signals: Vec<c_int>,
    /// Whether signals other than Ctrl-C end this process.
    idle: Arc<AtomicBool>,
    /// Whether Ctrl-C ends this process.
    interruptible: Arc<AtomicBool>,
}

impl HandledSignals {
    fn update(&self) {
        let idle = SUPERVISED.load(Ordering::SeqCst) == 0;
        self.idle.store(idle, Ordering::SeqCst);
        self.interruptible.store(idle && PROMPTING.load(Ordering::SeqCst) == 0, Ordering::SeqCst);
    }
}

/// The signals that are handled.
pub(super) fn handled_signals() -> &'static [c_int] {
    &handled().signals
}

/// While a guard exists, the handled signals do not end this process.
#[derive(Debug)]
pub struct SignalGuard(());

impl SignalGuard {
    pub fn take() -> Self {
        SUPERVISED.fetch_add(1, Ordering::SeqCst);
        handled().update();
        Self(())
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        SUPERVISED.fetch_sub(1, Ordering::SeqCst);
        handled().update();
    }
}

/// Runs a function that reads from the terminal. Ctrl-C does not end this process meanwhile; the function gets it.
pub fn without_interrupt<T>(read: impl FnOnce() -> T) -> T {
    PROMPTING.fetch_add(1, Ordering::SeqCst);
    handled().update();
    let read = read();
    PROMPTING.fetch_sub(1, Ordering::SeqCst);
    handled().update();
    read
}

fn handled() -> &'static HandledSignals {
    HANDLED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let (idle, interruptible) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let mut signals = Vec::new();
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            if in_mask(&status, "SigIgn:", signal) {
                continue;
            }
            signals.push(signal);
            if !in_mask(&status, "SigCgt:", signal) {
                // Fails only for signals that cannot be caught, which these are not.
                let ends = if signal == SIGINT { &interruptible } else { &idle };
                let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(ends));
            }
        }
        HandledSignals { signals, idle, interruptible }
    })
}

/// Whether a signal is in one of the masks of `/proc/self/status`.
fn in_mask(status: &str, name: &str, signal: c_int) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read() {
        let status = "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(in_mask(status, "SigIgn:", SIGHUP) && !in_mask(status, "SigIgn:", SIGINT));
        assert!(in_mask(status, "SigCgt:", SIGINT) && !in_mask("", "SigCgt:", SIGINT));
    }
}
