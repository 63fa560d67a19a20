//! Progress: bars on a terminal, plain lines elsewhere. Neither leaves anything behind but the line that ends a task.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::motion::Motion;
use super::printable::printable_line;
use super::printer::Ui;
use crate::progress::{Progress, Task, Unit};
use crate::units::Bytes;

/// How long a task may last before it is worth a line of its own.
const SHORT: Duration = Duration::from_secs(1);
/// How often a bar moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows progress on standard error.
#[derive(Debug, Clone)]
pub struct Meter {
    ui: Ui,
}

impl Ui {
    /// Shows progress here.
    pub fn meter(&self) -> Meter {
        Meter { ui: self.clone() }
    }
}

impl Progress for Meter {
    fn begin(&self, title: &str, unit: Unit, total: Option<u64>) -> Box<dyn Task> {
        let ui = self.ui.clone();
        match self.ui.motion() {
            Motion::Bars(bars) => {
                let bar = bars.add(ProgressBar::new(total.unwrap_or(0)));
                let width = ui.width_of_progress();
                bar.set_style(style(unit, total.is_some(), width));
                bar.set_prefix(fitting(title, width));
                bar.enable_steady_tick(TICK);
                Box::new(Bar { shown: bar, among: bars.clone(), unit, ui })
            }
            Motion::Lines => Box::new(Lines { _running: announce_later(&ui, title), ui }),
            Motion::Still => Box::new(LastLine { ui }),
        }
    }
}

/// Below this width of the screen there is no room for a bar.
const WIDE: usize = 80;
/// How many columns the spinner takes, the figures at most (`100% of 999 MB, 999 MB/s`), and a bar in front of them.
const SPINNER: usize = 2;
const FIGURES: usize = 26;
const BAR: usize = 13;

/// The line of a task. It fits a screen of this width: a line that is broken would be left behind at each movement.
fn style(unit: Unit, known: bool, width: usize) -> ProgressStyle {
    let bar = if width < WIDE { "" } else { "{bar:12} " };
    let template = match (unit, known) {
        (Unit::Bytes, true) => {
            format!("{{spinner}} {{prefix}} {bar}{{percent}}% of {{total}}{{rate}} {{wide_msg}}")
        }
        (Unit::Bytes, false) => "{spinner} {prefix} {done}{rate} {wide_msg}".to_owned(),
        (Unit::Items, true) => format!("{{spinner}} {{prefix}} {bar}{{percent}}% of {{len}} {{wide_msg}}"),
        (Unit::Items, false) => "{spinner} {prefix} {pos} {wide_msg}".to_owned(),
        (Unit::Time, _) => "{spinner} {prefix} {elapsed} {wide_msg}".to_owned(),
    };
    let write = |to: &mut dyn fmt::Write, text: fmt::Arguments<'_>| {
        // What draws the line has no use for an error.
        let _ = to.write_fmt(text);
    };
    ProgressStyle::with_template(&template)
        .expect("the templates are valid")
        .with_key("done", move |state: &ProgressState, to: &mut dyn fmt::Write| {
            write(to, format_args!("{}", Bytes(state.pos())));
        })
        .with_key("total", move |state: &ProgressState, to: &mut dyn fmt::Write| {
            write(to, format_args!("{}", Bytes(state.len().unwrap_or(0))));
        })
        .with_key("rate", move |state: &ProgressState, to: &mut dyn fmt::Write| {
            if let Some(rate) = per_second(state).filter(|rate| *rate > 0) {
                write(to, format_args!(", {}/s", Bytes(rate)));
            }
        })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is neither negative nor that large"
)]
fn per_second(state: &ProgressState) -> Option<u64> {
    let rate = state.per_sec();
    rate.is_finite().then_some(rate as u64)
}

/// A title that leaves room for the figures.
fn fitting(title: &str, width: usize) -> String {
    let figures = if width < WIDE { FIGURES } else { FIGURES + BAR };
    console::truncate_str(&printable_line(title), width.saturating_sub(SPINNER + figures).max(10), "…")
        .into_owned()
}

struct Bar {
    shown: ProgressBar,
    among: MultiProgress,
    unit: Unit,
    ui: Ui,
}

impl Task for Bar {
    fn total(&self, total: u64) {
        self.shown.set_length(total);
        self.shown.set_style(style(self.unit, true, self.ui.width_of_progress()));
    }

    fn advance(&self, delta: u64) {
        self.shown.inc(delta);
    }

    fn detail(&self, text: &str) {
        self.shown.set_message(printable_line(text).into_owned());
    }

    fn finish(self: Box<Self>, line: &str) {
        last_line(&self.ui, line);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.shown.finish_and_clear();
        self.among.remove(&self.shown);
    }
}

/// A task where nothing moves.
struct Lines {
    /// Dropped with the task, so that the line for what lasts is not printed any more.
    _running: Sender<()>,
    ui: Ui,
}

/// Prints the title once it is clear that the task lasts.
fn announce_later(ui: &Ui, title: &str) -> Sender<()> {
    let (running, ended) = mpsc::channel();
    let (ui, line) = (ui.clone(), format!("{title} …"));
    std::thread::spawn(move || match ended.recv_timeout(SHORT) {
        Err(RecvTimeoutError::Timeout) => ui.say(line),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
    });
    running
}

impl Task for Lines {
    fn total(&self, _: u64) {}

    fn advance(&self, _: u64) {}

    fn detail(&self, _: &str) {}

    fn finish(self: Box<Self>, line: &str) {
        last_line(&self.ui, line);
    }
}

/// A task that shows only how it ended.
struct LastLine {
    ui: Ui,
}

impl Task for LastLine {
    fn total(&self, _: u64) {}

    fn advance(&self, _: u64) {}

    fn detail(&self, _: &str) {}

    fn finish(self: Box<Self>, line: &str) {
        last_line(&self.ui, line);
    }
}

fn last_line(ui: &Ui, line: &str) {
    if !line.is_empty() {
        ui.say(line);
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;

    /// The line of a task that has come so far, on a screen of this width.
    fn line(width: u16, title: &str, (unit, total): (Unit, Option<u64>)) -> String {
        let screen = InMemoryTerm::new(3, width);
        let bar =
            ProgressBar::with_draw_target(total, ProgressDrawTarget::term_like(Box::new(screen.clone())));
        bar.set_style(style(unit, total.is_some(), width.into()));
        bar.set_prefix(fitting(title, width.into()));
        bar.set_position(123_456_789);
        bar.force_draw();
        screen.contents()
    }

    #[test]
    fn a_line_fits_the_screen() {
        let bytes = (Unit::Bytes, Some(300_000_000));
        let items = (Unit::Items, Some(200_000_000));
        let title = "backing up collection `a collection with a rather long name for a narrow screen`";
        for width in [60, 80, 200] {
            for task in [bytes, (Unit::Bytes, None), items, (Unit::Time, None)] {
                let line = line(width, title, task);
                assert!(!line.contains('\n'), "{width}: {line}");
                assert!(console::measure_text_width(&line) < width.into(), "{width}: {line}");
                assert_eq!(line.contains('…'), width < 200, "{width}: {line}");
            }
            assert!(line(width, title, bytes).contains(" 41% of 300 MB"));
            assert!(line(width, title, items).contains(" 62% of 200000000"));
            assert!(line(width, "dumping shop", (Unit::Bytes, None)).contains("dumping shop 123 MB"));
        }
    }
}
