//! The only module that prints and asks.
//!
//! Everything about a guarded command goes to standard error, so that Compose's standard output stays Compose's.
//! Results of own commands go to standard output.

#[cfg(any(test, feature = "internals"))]
mod capture;
mod events;
pub mod findings;
mod motion;
mod output;
mod page;
mod printable;
mod printer;
mod progress;
mod prompt;
mod report;
mod stream;
mod table;
mod wrap;

#[cfg(any(test, feature = "internals"))]
pub use capture::ScreenCapture;
pub use page::Page;
pub use printer::Ui;
pub use prompt::Reply;
#[cfg(any(test, feature = "internals"))]
pub use stream::Stream;
pub use table::{Column, Table};
