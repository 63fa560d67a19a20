//! Bars on a terminal, plain lines elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::{Progress, Task, Unit};

/// Shows progress on standard error.
#[derive(Debug, Clone)]
pub struct Meter {
    bars: Option<MultiProgress>,
}

impl Meter {
    pub(super) fn new(rich: bool) -> Self {
        Self { bars: rich.then(MultiProgress::new) }
    }
}

impl Progress for Meter {
    fn begin(&self, title: &str, unit: Unit, total: Option<u64>) -> Box<dyn Task> {
        let Some(bars) = &self.bars else {
            return Box::new(Lines::begin(title));
        };
        let bar = bars.add(ProgressBar::new(total.unwrap_or(0)));
        bar.set_style(style(unit, total.is_some()));
        bar.set_prefix(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Box::new(Bar { bar, unit })
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
    bar: ProgressBar,
    unit: Unit,
}

impl Task for Bar {
    fn total(&self, total: u64) {
        self.bar.set_length(total);
        self.bar.set_style(style(self.unit, true));
    }

    fn advance(&self, delta: u64) {
        self.bar.inc(delta);
    }

    fn detail(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    fn finish(self: Box<Self>, line: &str) {
        self.bar.finish_and_clear();
        plain(line);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Without a terminal a task that lasts has a line when it is clear that it lasts, and every task one when it ends.
struct Lines {
    over: Arc<AtomicBool>,
}

/// How long a task may last before it is worth a line of its own.
const SHORT: Duration = Duration::from_secs(1);

impl Lines {
    fn begin(title: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (watched, title) = (Arc::clone(&over), title.to_owned());
        std::thread::spawn(move || {
            std::thread::sleep(SHORT);
            if !watched.load(Ordering::Relaxed) {
                plain(&format!("{title} …"));
            }
        });
        Self { over }
    }
}

impl Task for Lines {
    fn total(&self, _: u64) {}

    fn advance(&self, _: u64) {}

    fn detail(&self, _: &str) {}

    fn finish(self: Box<Self>, line: &str) {
        plain(line);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn plain(line: &str) {
    if !line.is_empty() {
        let _ = console::Term::stderr().write_line(&format!("safe-compose: {line}"));
    }
}
