//! Which signals we look after while a child runs, and what becomes of them afterwards.
//!
//! A signal that was ignored when we were started (`nohup`, a background job of a script) stays ignored: catching it
//! would also take that from the child. A signal that nobody else in this process catches ends the process again once
//! the child is done, as it would have before.

use std::os::raw::c_int;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static SUPERVISED: AtomicUsize = AtomicUsize::new(0);
static PROMPTING: AtomicUsize = AtomicUsize::new(0);
static ADOPTED: OnceLock<Adopted> = OnceLock::new();

struct Adopted {
    signals: Vec<c_int>,
    /// Whether they end this process.
    idle: Arc<AtomicBool>,
    /// The same, for Ctrl-C.
    interruptible: Arc<AtomicBool>,
}

impl Adopted {
    fn settle(&self) {
        let idle = SUPERVISED.load(Ordering::SeqCst) == 0;
        self.idle.store(idle, Ordering::SeqCst);
        self.interruptible.store(idle && PROMPTING.load(Ordering::SeqCst) == 0, Ordering::SeqCst);
    }
}

/// The signals that we look after.
pub(super) fn watched() -> &'static [c_int] {
    &adopted().signals
}

/// While one exists, those signals do not end this process.
#[derive(Debug)]
pub(super) struct SignalGuard(());

impl SignalGuard {
    pub(super) fn take() -> Self {
        SUPERVISED.fetch_add(1, Ordering::SeqCst);
        adopted().settle();
        Self(())
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        SUPERVISED.fetch_sub(1, Ordering::SeqCst);
        adopted().settle();
    }
}

/// Reads from the terminal. A Ctrl-C there does not end this process: whoever reads learns of it.
pub fn without_interrupt<T>(read: impl FnOnce() -> T) -> T {
    PROMPTING.fetch_add(1, Ordering::SeqCst);
    adopted().settle();
    let read = read();
    PROMPTING.fetch_sub(1, Ordering::SeqCst);
    adopted().settle();
    read
}

fn adopted() -> &'static Adopted {
    ADOPTED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let (idle, interruptible) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let mut signals = Vec::new();
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            if in_mask(&status, "SigIgn:", signal) {
                continue;
            }
            signals.push(signal);
            if !in_mask(&status, "SigCgt:", signal) {
                // Fails only for signals that cannot be caught, and these can.
                let ends = if signal == SIGINT { &interruptible } else { &idle };
                let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(ends));
            }
        }
        Adopted { signals, idle, interruptible }
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
