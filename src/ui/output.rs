//! Where text goes, and what can be shown there.

use std::io;
use std::sync::{Arc, OnceLock};

use console::Term;

#[cfg(any(test, feature = "internals"))]
use super::capture::ScreenCapture;
use super::stream::Stream;
use crate::env::Env;

/// The width where nothing says how wide the screen is.
const WIDTH: usize = 80;
/// No layout fits into less.
const NARROWEST: usize = 20;

/// Where text goes.
#[derive(Debug, Clone)]
pub(super) enum Streams {
    /// The streams of this process.
    Process {
        stdout: Term,
        stderr: Term,
        /// The width where a stream is no terminal.
        columns: Option<usize>,
        /// Colours may be used on standard error.
        colour: bool,
        /// Why a part of the results is lost.
        lost: Arc<OnceLock<io::Error>>,
    },
    #[cfg(any(test, feature = "internals"))]
    Captured(ScreenCapture),
}

impl Streams {
    pub(super) fn of_process(env: &Env) -> Self {
        Self::Process {
            stdout: Term::stdout(),
            stderr: Term::stderr(),
            columns: env.columns,
            colour: !env.no_color && !env.dumb_terminal && console::colors_enabled_stderr(),
            lost: Arc::default(),
        }
    }

    /// How many columns a line may take.
    pub(super) fn width(&self, stream: Stream) -> usize {
        match self {
            Self::Process { stdout, stderr, columns, .. } => {
                let term = match stream {
                    Stream::Stdout => stdout,
                    Stream::Stderr => stderr,
                };
                let size = if term.is_term() { term.size_checked() } else { None };
                // A terminal that does not know its size reports zero.
                let shown = size.map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0);
                shown.or(*columns).unwrap_or(WIDTH).max(NARROWEST)
            }
            #[cfg(any(test, feature = "internals"))]
            Self::Captured(capture) => capture.width().max(NARROWEST),
        }
    }

    /// Whether colours may be used on standard error.
    pub(super) fn has_colour(&self) -> bool {
        match self {
            Self::Process { colour, .. } => *colour,
            #[cfg(any(test, feature = "internals"))]
            Self::Captured(_) => false,
        }
    }

    /// Why a part of what was written to standard output did not get there. A reader that has seen enough is no reason.
    pub(super) fn lost_output(&self) -> Option<&io::Error> {
        match self {
            Self::Process { lost, .. } => lost.get(),
            #[cfg(any(test, feature = "internals"))]
            Self::Captured(_) => None,
        }
    }

    /// Writes text as it is. A reader that has gone away, or a closed stream, must not stop a command.
    pub(super) fn write(&self, stream: Stream, text: &str) {
        match self {
            Self::Process { lost, .. } => match stream {
                Stream::Stdout => {
                    if let Err(error) = write_to(&mut io::stdout().lock(), text)
                        && error.kind() != io::ErrorKind::BrokenPipe
                    {
                        let _ = lost.set(error);
                    }
                }
                Stream::Stderr => {
                    let _ = write_to(&mut io::stderr().lock(), text);
                }
            },
            #[cfg(any(test, feature = "internals"))]
            Self::Captured(capture) => capture.record(stream, text),
        }
    }
}

fn write_to(stream: &mut impl io::Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
