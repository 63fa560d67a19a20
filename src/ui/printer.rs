//! What commands print and ask through.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Style;

#[cfg(any(test, feature = "internals"))]
use super::capture::ScreenCapture;
use super::events::{self, Level};
use super::motion::Motion;
use super::output::Streams;
use super::page::Page;
use super::printable::{printable, printable_line};
use super::prompt::{self, Reply};
use super::report::{self, FailureLayout};
use super::stream::Stream;
use super::wrap::{HANGING, fill};
use crate::env::Env;
use crate::error::Failure;

/// The screen, and whoever sits in front of it.
#[derive(Debug, Clone)]
pub struct Ui {
    streams: Streams,
    motion: Motion,
    /// Somebody can be asked: standard input and standard error are a terminal.
    terminal: bool,
    /// Nothing but failures is printed.
    quiet: bool,
    /// Messages are JSON. Every copy of the screen knows.
    events: Arc<AtomicBool>,
}

impl Ui {
    /// The streams of this process.
    pub fn new(env: &Env) -> Self {
        let shown = std::io::stderr().is_terminal();
        Self {
            streams: Streams::of_process(env),
            motion: Motion::of_process(shown && !env.dumb_terminal),
            terminal: shown && std::io::stdin().is_terminal(),
            quiet: false,
            events: Arc::default(),
        }
    }

    /// A screen that keeps what is printed.
    #[cfg(any(test, feature = "internals"))]
    pub fn captured(capture: &ScreenCapture) -> Self {
        Self {
            streams: Streams::Captured(capture.clone()),
            motion: Motion::Still,
            terminal: capture.is_terminal(),
            quiet: false,
            events: Arc::default(),
        }
    }

    /// The same screen, on which only failures are printed and nothing moves.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self { motion: Motion::Still, quiet: true, ..self.clone() }
    }

    /// From now on, everything on standard error is one JSON object a line, as Compose prints with `--progress json`. Only
    /// a question stays text.
    pub fn use_events(&self) {
        self.events.store(true, Ordering::Relaxed);
    }

    fn has_events(&self) -> bool {
        self.events.load(Ordering::Relaxed)
    }

    /// Whether somebody can be asked.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// A sentence about what is done.
    pub fn say(&self, line: impl AsRef<str>) {
        self.message(Level::Info, Style::new().dim(), line.as_ref());
    }

    /// Good news.
    pub fn good(&self, line: impl AsRef<str>) {
        self.message(Level::Info, Style::new().green(), line.as_ref());
    }

    /// Something to look at.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.message(Level::Warning, Style::new().yellow().bold(), line.as_ref());
    }

    /// A command to run, below the words that introduce it.
    pub fn suggest(&self, why: impl AsRef<str>, command: impl AsRef<str>) {
        let mut why = why.as_ref().chars();
        let first: String = why.next().into_iter().flat_map(char::to_lowercase).collect();
        let why = format!("{first}{}:", why.as_str());
        if self.has_events() {
            return self.say(format!("{why} {}", command.as_ref()));
        }
        self.say(why);
        if self.quiet {
            return;
        }
        let command = self.style(Style::new().cyan()).apply_to(printable_line(command.as_ref()));
        self.print(Stream::Stderr, &format!("{HANGING}    {command}\n"));
    }

    /// Unmarked text, for tables and lists.
    pub fn text(&self, page: impl Into<Page>) {
        self.page(Stream::Stderr, &page.into());
    }

    /// A result, on standard output. What is a string is printed as it is.
    pub fn result(&self, page: impl Into<Page>) {
        self.page(Stream::Stdout, &page.into());
    }

    /// A result in sentences for people, on standard output.
    pub fn paragraph(&self, text: impl Into<String>) {
        self.result(Page::new().text(text));
    }

    /// Why the command ends here, and what to do about it.
    pub fn failure(&self, failure: &Failure) {
        if self.has_events() {
            return self.print(Stream::Stderr, &events::failure(failure));
        }
        let layout =
            FailureLayout { width: self.streams.width(Stream::Stderr), colour: self.streams.has_colour() };
        self.print(Stream::Stderr, &report::render(failure, layout));
    }

    /// Asks for a word to be typed. Without a terminal nobody answers.
    pub fn ask(&self, word: &str) -> Reply {
        let prompt = prompt::text(&printable_line(word));
        match &self.streams {
            #[cfg(any(test, feature = "internals"))]
            Streams::Captured(capture) if self.terminal => {
                self.print(Stream::Stderr, &prompt);
                capture.reply()
            }
            Streams::Process { .. } if self.terminal => {
                let reply = prompt::read(|| self.print(Stream::Stderr, &prompt));
                match reply {
                    Reply::Typed(_) => {}
                    // The terminal has not ended the line.
                    Reply::EndOfInput | Reply::Interrupted => self.print(Stream::Stderr, "\n"),
                }
                reply
            }
            #[cfg(any(test, feature = "internals"))]
            Streams::Captured(_) => Reply::EndOfInput,
            Streams::Process { .. } => Reply::EndOfInput,
        }
    }

    /// Why a part of the results did not get to standard output: its disk is full, or it was closed.
    pub fn lost_output(&self) -> Option<&io::Error> {
        self.streams.lost_output()
    }

    /// How many columns a line of progress may take.
    pub(super) fn width_of_progress(&self) -> usize {
        self.streams.width(Stream::Stderr)
    }

    pub(super) fn motion(&self) -> &Motion {
        &self.motion
    }

    fn message(&self, level: Level, style: Style, line: &str) {
        if self.quiet {
            return;
        }
        if self.has_events() {
            return self.print(Stream::Stderr, &events::message(level, line));
        }
        let mark = match level {
            Level::Info => "safe-compose:",
            Level::Warning => "safe-compose: warning:",
        };
        let mark = self.style(style).apply_to(mark);
        let width = self.streams.width(Stream::Stderr);
        let mut text = String::new();
        for (number, line) in printable(line.trim_end()).lines().enumerate() {
            let first = if number == 0 { format!("{mark} ") } else { HANGING.to_owned() };
            text.push_str(&fill(line, width, &first, HANGING));
            text.push('\n');
        }
        self.print(Stream::Stderr, &text);
    }

    fn page(&self, stream: Stream, page: &Page) {
        if self.quiet {
            return;
        }
        if stream == Stream::Stderr && self.has_events() {
            return self.print(stream, &events::page(&page.render(events::WIDTH)));
        }
        let text = page.render(self.streams.width(stream));
        self.print(stream, &format!("{}\n", text.trim_end_matches('\n')));
    }

    fn style(&self, style: Style) -> Style {
        style.force_styling(self.streams.has_colour())
    }

    /// What moves is taken off the screen meanwhile.
    fn print(&self, stream: Stream, text: &str) {
        self.motion.pause(|| self.streams.write(stream, text));
    }
}
