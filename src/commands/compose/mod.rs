//! Compose's own commands that can stop a service or lose data: everything around the real command.
//!
//! [`run`](run::run) shows the steps from top to bottom, one file each.

mod api_version;
mod assess;
mod backup_plan;
mod backup_step;
mod child;
mod former_names;
mod former_places;
mod hashes;
mod hazard_context;
mod home_step;
mod layers;
mod load;
mod place_contents;
mod preflight_step;
mod probe;
mod related_projects;
mod report;
mod retention_step;
mod run;
mod state;
mod symlinks;
mod taken;
mod unknown;
mod verify_step;

pub(super) use backup_plan::store_of_volume;
pub use run::run;
