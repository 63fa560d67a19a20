//! Reports progress from modules that do not print; `ui` displays it.

/// Receives progress.
pub trait Progress: Send + Sync {
    /// Starts a task with `total` steps, unknown if `None`.
    fn begin(&self, title: &str, unit: Unit, total: Option<u64>) -> Box<dyn Task>;
}

/// The unit of a task's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Items,
    /// Nothing is counted; only the elapsed time is known.
    Time,
}

/// A running task. Dropping it ends it without a message.
pub trait Task: Send + Sync {
    /// Sets the total number of steps.
    fn total(&self, total: u64);
    /// Adds completed steps.
    fn advance(&self, delta: u64);
    /// Sets a short description of the current step.
    fn detail(&self, text: &str);
    /// Ends the task with a line that stays on the screen.
    fn finish(self: Box<Self>, line: &str);
}

/// Discards all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: Unit, _: Option<u64>) -> Box<dyn Task> {
        Box::new(Self)
    }
}

impl Task for Silent {
    fn total(&self, _: u64) {}
    fn advance(&self, _: u64) {}
    fn detail(&self, _: &str) {}
    fn finish(self: Box<Self>, _: &str) {}
}
