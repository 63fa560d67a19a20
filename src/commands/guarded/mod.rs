//! Compose's own commands that can touch data, with everything that comes before and after them.

mod announce;
mod api_version;
mod child;
mod course;
mod doubt;
mod links;
mod look;
mod losses;
mod namesakes;
mod probe;
mod reach;
mod remember;
mod run;
mod saved;

pub use run::run;
