//! The invocation of a command that has neither a project nor an engine.

use crate::compose::invocation::{Reading, SafeFlags};
use crate::env::Env;
use crate::suggest::Suggest;
use crate::ui::Ui;

/// What a command needs that has neither a project nor an engine.
pub struct OfflineContext<'a> {
    pub ui: Ui,
    pub env: &'a Env,
    pub safe: &'a SafeFlags,
    pub reading: &'a Reading,
    pub suggest: Suggest,
}
