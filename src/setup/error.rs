//! Why something cannot be installed.

/// Why something cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the file of the running program is unknown")]
    NoProgram,
    #[error("`{0}` is not installed for all users: its settings are each user's own")]
    NotForAll(&'static str),
    #[error("the current directory is in no Git repository")]
    NoRepository,
    #[error("this machine has neither systemd nor cron")]
    NoScheduler,
    #[error("the current directory has no Compose file")]
    NoProject,
    #[error("there is no alias for {0}; name one of the shells `bash`, `zsh`, `fish` and `nushell`")]
    UnknownShell(String),
}
