//! Exit codes: Compose's own, unchanged, and a few of our own, taken from BSD's `sysexits.h`.

use std::process::ExitCode;

/// How this process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command succeeded.
    Success,
    /// `lint` found something.
    Found,
    /// The command line is wrong (`EX_USAGE`).
    Usage,
    /// Compose, the engine or a database cannot be reached (`EX_UNAVAILABLE`).
    Unavailable,
    /// An internal error (`EX_SOFTWARE`).
    Internal,
    /// Everything was done, but what it printed could not be written (`EX_CANTCREAT`).
    OutputLost,
    /// A backup or a restore failed; the command that required the backup was not run (`EX_IOERR`).
    BackupFailed,
    /// Something could not be verified, which says nothing about the data (`EX_TEMPFAIL`).
    Unverified,
    /// Verification found data missing (`EX_PROTOCOL`).
    DataMissing,
    /// The command was refused or not confirmed (`EX_NOPERM`).
    Refused,
    /// This signal came before the command was run (128 and its number, as in shells).
    Signal(u8),
    /// Compose ran and ended with this exit code.
    Compose(u8),
}

impl Exit {
    /// Ctrl-C.
    pub const INTERRUPTED: Self = Self::Signal(2);

    /// The number handed to the operating system.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Found => 1,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::OutputLost => 73,
            Self::BackupFailed => 74,
            Self::Unverified => 75,
            Self::DataMissing => 76,
            Self::Refused => 77,
            Self::Signal(number) => 128 + number,
            Self::Compose(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
