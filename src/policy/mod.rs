//! Decides whether a command may run. Pure: it reads nothing, prints nothing and starts nothing.

mod clearance;
mod decision;
mod effect;
mod token;

pub use clearance::Clearance;
pub use decision::{
    Answer, Approval, BackupStatus, Decision, DecisionInput, Question, Refusal, Rule, decide,
};
pub use effect::{Assessment, Effect, Impact, NewestBackup, Subject};
pub use token::Token;
