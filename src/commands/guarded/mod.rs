//! Compose's own commands that can touch data, with everything that comes before and after them.

mod announce;
mod api_version;
mod child;
mod course;
mod doubt;
mod facts;
mod life;
mod links;
mod look;
mod losses;
mod namesakes;
mod reach;
mod remember;
mod saved;

pub use life::run;
