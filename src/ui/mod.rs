//! The only module that prints and asks.
//!
//! Everything about a guarded command goes to standard error, so that Compose's standard output stays Compose's.
//! Results of own commands go to standard output.

mod capture;
pub mod findings;
mod page;
mod printer;
mod progress;
mod prompt;
mod report;
mod streams;
mod table;
mod wrap;

pub use capture::ScreenCapture;
pub use page::Page;
pub use printer::Ui;
pub use progress::Meter;
pub use prompt::Reply;
pub use streams::Stream;
pub use table::{Column, Table};
