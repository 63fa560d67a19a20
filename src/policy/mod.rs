//! Decides whether a plan may be carried out. Pure: it reads nothing, prints nothing and starts nothing.

mod clearance;
mod decision;
mod effect;
mod token;

pub use clearance::{BackupStatus, Clearance};
pub use decision::{Answer, Approval, Confirmation, Decision, DecisionInput, GuardMode, Refusal, decide};
pub use effect::{Assessment, Effect, Impact, NewestBackup, Subject};
pub use token::Token;
