//! The guard's predictions, held against what the real Compose really does to data.
//!
//! One test for each row of the catalogue of ways in which Compose loses data. A row is data: files, words, and the
//! fate of each place that holds data. The trial asks us for the plan, checks that asking changed nothing, runs the
//! real Compose, and looks. A prediction is never better than what happened; where nothing happened it asks nothing.
//!
//! `short.txt` lists the rows that `scripts/test` runs; `scripts/test --oracle` runs all of them.

mod changes;
mod commands;
mod copied;
mod definition;
mod down;
mod dry_run;
pub mod engine;
mod hard_stop;
pub mod images;
mod kinds;
mod older;
mod places;
mod removed_images;
pub mod row;
pub mod trial;
mod warnings;
mod watched;
