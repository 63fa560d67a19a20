//! How the silent rooms tell that they are getting on; `ui` decides how that looks.

/// Receives what is going on.
pub trait Progress: Send + Sync {
    /// Starts a piece of work of `total` steps (bytes, unless the unit says otherwise), unknown when `None`.
    fn begin(&self, title: &str, unit: Unit, total: Option<u64>) -> Box<dyn Task>;
}

/// What the numbers of a task count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Items,
    /// Nothing is counted; the task only lasts.
    Time,
}

/// One piece of work under way. Dropping it ends it without a word.
pub trait Task: Send + Sync {
    /// Sets the total once it is known.
    fn total(&self, total: u64);
    /// Adds `delta` finished steps.
    fn advance(&self, delta: u64);
    /// Says what the task is at, in a few words.
    fn detail(&self, text: &str);
    /// Ends it with one line that stays on the screen.
    fn finish(self: Box<Self>, line: &str);
}

/// Tells nobody.
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
