//! Retention: which backups to keep. Pure, but for the baselines that tell of losses: a plan is a value that can be shown
//! before anything is removed.

mod losses;
mod rules;
mod stores;

pub use losses::UnresolvedLosses;
#[cfg(any(test, feature = "internals"))]
pub use stores::Plans;
pub use stores::{Removable, by_service};
