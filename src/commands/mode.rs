//! Whether a command acts, or only shows what it would do.
//!
//! The functions of this module's siblings that change something take an [`Apply`], and only [`Mode::of`] makes one. A
//! command that forgets about dry runs has none to pass on, and does not compile.

use crate::cli::Access;
use crate::compose::invocation::{Reading, SafeFlags};
use crate::run_state::{self, RunState};

/// Permission to change files, backups or the engine. There is none in a dry run, nor for a command that only reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Apply(());

/// What a command was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// Show what would be done.
    DryRun,
    /// Do it.
    Apply(Apply),
}

impl Mode {
    /// The mode of one of our own commands, from all flags that ask for a dry run: its own `--dry-run`, `--safe-plan`, and
    /// Compose's `--dry-run` before the command.
    pub(super) fn of_own(access: Access, safe: &SafeFlags, reading: &Reading) -> Self {
        let mode = Self::of(access, safe.plan || reading.globals.dry_run);
        match mode {
            Self::Apply(_) => run_state::set(RunState::OwnCommandRunning),
            Self::DryRun => {}
        }
        mode
    }

    /// The mode of a guarded command of Compose's. With Compose's own `--dry-run` it is not guarded, but handed over.
    pub(super) fn of_compose(safe: &SafeFlags) -> Self {
        Self::of(Access::Changes { dry_run: false }, safe.plan)
    }

    fn of(access: Access, dry_run: bool) -> Self {
        match access {
            Access::Changes { dry_run: false } if !dry_run => Self::Apply(Apply(())),
            Access::Changes { .. } | Access::ReadOnly => Self::DryRun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::grammar::Grammar;
    use crate::compose::invocation::Invocation;

    fn acts(access: Access, line: &str) -> bool {
        let words = line.split(' ').map(std::ffi::OsString::from).collect();
        let invocation = Invocation::parse(words).expect("sound");
        match Mode::of_own(access, invocation.safe(), &invocation.read(Grammar::V2)) {
            Mode::Apply(_) => true,
            Mode::DryRun => false,
        }
    }

    #[test]
    fn every_way_to_ask_for_a_dry_run_counts() {
        let real = Access::Changes { dry_run: false };
        assert!(acts(real, "backup"));
        assert!(acts(real, "--dry-run=false backup"));
        for line in
            ["--safe-plan backup", "backup --safe-plan", "--dry-run backup", "-p x --dry-run=true backup"]
        {
            assert!(!acts(real, line), "{line}");
        }
        assert!(!acts(Access::Changes { dry_run: true }, "backup"));
    }

    #[test]
    fn a_command_that_only_reads_gets_no_permission() {
        assert!(!acts(Access::ReadOnly, "status"));
    }
}
