//! A screen that keeps what is printed, and answers prompts from a script. For tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::prompt::Reply;
use super::stream::Stream;

/// The screen. A clone is another handle to the same one.
#[derive(Debug, Clone)]
pub struct ScreenCapture {
    width: usize,
    terminal: bool,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Debug, Default)]
struct Recorded {
    /// What was printed, in order; neighbours are of different streams.
    printed: Vec<(Stream, String)>,
    replies: VecDeque<Reply>,
}

impl ScreenCapture {
    /// A screen of some columns that is no terminal.
    pub fn new(width: usize) -> Self {
        Self { width, terminal: false, recorded: Arc::default() }
    }

    /// Makes it a terminal, at which somebody gives these replies. Afterwards every prompt finds the end of input.
    #[must_use]
    pub fn with_terminal(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.recorded().replies = replies.into_iter().collect();
        Self { terminal: true, ..self }
    }

    /// Everything that was printed, in order, by stream.
    pub fn printed(&self) -> Vec<(Stream, String)> {
        self.recorded().printed.clone()
    }

    /// Everything that was printed to one stream.
    pub fn stream(&self, stream: Stream) -> String {
        let recorded = self.recorded();
        let of_stream = recorded.printed.iter().filter(|(to, _)| *to == stream);
        of_stream.map(|(_, text)| text.as_str()).collect()
    }

    /// How many replies no prompt has asked for.
    pub fn unused_replies(&self) -> usize {
        self.recorded().replies.len()
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub(super) fn record(&self, stream: Stream, text: &str) {
        let mut recorded = self.recorded();
        match recorded.printed.last_mut() {
            Some((last, printed)) if *last == stream => printed.push_str(text),
            Some(_) | None => recorded.printed.push((stream, text.to_owned())),
        }
    }

    /// The next reply of the script, echoed as a terminal does.
    pub(super) fn reply(&self) -> Reply {
        let reply = self.recorded().replies.pop_front().unwrap_or(Reply::EndOfInput);
        let echo = match &reply {
            Reply::Typed(text) => format!("{text}\n"),
            Reply::EndOfInput => "\n".to_owned(),
            Reply::Interrupted => "^C\n".to_owned(),
        };
        self.record(Stream::Stderr, &echo);
        reply
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
