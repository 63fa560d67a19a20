//! Puts this program where people type: as the plugin `docker compose`, as the program `docker-compose`, in shells, in
//! hooks and in a timer.
//!
//! There is one copy of the program, in a directory of its own, and everything else is a link to it: a link to the file
//! that the user started would break when that file moves, and several copies would have several ages. Each step is
//! recorded before it is made, so that all of them can be undone, also after a crash in between. A file that was in the
//! place of a link is moved beside it and comes back.

mod apply;
mod block;
mod component;
mod error;
mod pre_commit;
mod probe;
mod record;
mod remove;
mod scope;
mod step;
mod timer;

pub use apply::apply;
pub use component::{AliasShell, SetupComponent, plan};
pub use probe::{ProbeAnswer, ProbePlace, ProbedCommand, SetupProbe, bypasses, probe_all};
pub use record::{RecordedStep, SetupRecord};
pub use remove::{SetupRemoval, remove};
pub use scope::{SetupPlaces, SetupScope};
pub use step::SetupStep;
pub use timer::{BackedUpProjects, TimerInterval, needs_lingering};
