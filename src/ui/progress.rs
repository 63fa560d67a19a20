//! Progress: bars on a terminal, plain lines elsewhere. Neither leaves anything behind but the line that ends a task.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::motion::Motion;
use super::printer::Ui;
use crate::progress::{Progress, Task, Unit};

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
                bar.set_style(style(unit, total.is_some()));
                bar.set_prefix(title.to_owned());
                bar.enable_steady_tick(TICK);
                Box::new(Bar { shown: bar, among: bars.clone(), unit, ui })
            }
            Motion::Lines => Box::new(Lines { _running: announce_later(&ui, title), ui }),
            Motion::Still => Box::new(LastLine { ui }),
        }
    }
}

fn style(unit: Unit, known: bool) -> ProgressStyle {
    let template = match (unit, known) {
        (Unit::Bytes, true) => {
            "{spinner} {prefix} {bar:24} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {wide_msg}"
        }
        (Unit::Bytes, false) => "{spinner} {prefix} {decimal_bytes} {decimal_bytes_per_sec} {wide_msg}",
        (Unit::Items, true) => "{spinner} {prefix} {bar:24} {pos}/{len} {wide_msg}",
        (Unit::Items, false) => "{spinner} {prefix} {pos} {wide_msg}",
        (Unit::Time, _) => "{spinner} {prefix} {elapsed} {wide_msg}",
    };
    ProgressStyle::with_template(template).expect("the templates are valid")
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
        self.shown.set_style(style(self.unit, true));
    }

    fn advance(&self, delta: u64) {
        self.shown.inc(delta);
    }

    fn detail(&self, text: &str) {
        self.shown.set_message(text.to_owned());
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
