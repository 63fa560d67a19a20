//! Commands, one file each. The only module that knows all features.

mod accept;
pub mod backup;
mod backup_run;
pub mod backups;
mod baselines;
mod clusters;
mod command_context;
mod completions;
pub mod compose;
mod confirm;
mod context;
mod dispatch;
mod disposable;
mod dry_run;
mod export_data;
mod format;
mod held;
pub mod history;
mod home;
mod import_data;
mod interrupt;
pub mod lint;
mod lint_input;
mod lint_rules;
mod lint_scripts;
mod man;
mod mode;
mod newest_backup;
mod own_record;
pub mod protect;
mod quiesce;
mod refusal;
pub mod restore;
mod restore_run;
mod services;
pub mod status;
mod test_restore;
pub mod unprotect;
mod unsettled;
pub mod verify;
mod verify_run;

use interrupt::interruptible;

pub use command_context::{CommandContext, EngineSource};
pub use dispatch::{OfflineContext, offline, own, parse};
pub use own_record::OwnRecord;
