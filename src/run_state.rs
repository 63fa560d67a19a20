//! How far this run has come, for the message of a panic.

use std::sync::atomic::{AtomicU8, Ordering};

/// What has been started so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RunState {
    /// Neither the real Compose nor a command of our own that changes anything.
    NothingRun,
    /// A command of our own that changes something.
    OwnCommandRunning,
    /// Containers are stopped or paused while their files are copied.
    ContainersHeld,
    ComposeRunning,
    ComposeFinished,
}

static STATE: AtomicU8 = AtomicU8::new(RunState::NothingRun as u8);

/// Records that the run has reached a state.
pub fn set(state: RunState) {
    STATE.store(state as u8, Ordering::SeqCst);
}

/// The state that was recorded last.
pub fn get() -> RunState {
    match STATE.load(Ordering::SeqCst) {
        state if state == RunState::OwnCommandRunning as u8 => RunState::OwnCommandRunning,
        state if state == RunState::ContainersHeld as u8 => RunState::ContainersHeld,
        state if state == RunState::ComposeRunning as u8 => RunState::ComposeRunning,
        state if state == RunState::ComposeFinished as u8 => RunState::ComposeFinished,
        _ => RunState::NothingRun,
    }
}
