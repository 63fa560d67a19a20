//! What may move on the screen while a task runs.

use indicatif::MultiProgress;

/// What may move on the screen.
#[derive(Debug, Clone)]
pub(super) enum Motion {
    /// All bars of a screen, so that text can be printed between them.
    Bars(MultiProgress),
    /// Nothing, but what lasts gets a line.
    Lines,
    /// Nothing, however long it lasts.
    Still,
}

impl Motion {
    pub(super) fn of_process(may_move: bool) -> Self {
        if may_move { Self::Bars(MultiProgress::new()) } else { Self::Lines }
    }

    /// Takes the bars off the screen while something is printed.
    pub(super) fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        match self {
            Self::Bars(bars) => bars.suspend(print),
            Self::Lines | Self::Still => print(),
        }
    }
}
