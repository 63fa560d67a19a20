//! `backup.repository`: where backups are copied to.

use std::path::PathBuf;

use serde::Deserialize;

/// `backup.repository`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositorySettings {
    /// In the notation of restic: a path, or `sftp:`, `s3:`, `rest:` or `rclone:` and what follows.
    pub url: String,
    /// The file whose first line is the password, relative to the project directory.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The program that prints the password, with its arguments. It runs without a shell.
    #[serde(default)]
    pub password_command: Option<Vec<String>>,
    /// Whether a backup counts only if it was copied to the repository: without a copy, no shutdown.
    #[serde(default)]
    pub required: bool,
    /// At most how many KiB are sent to the repository in a second; 0 for no limit.
    #[serde(default)]
    pub limit_upload: u32,
    /// At most how many KiB are received from it in a second; 0 for no limit.
    #[serde(default)]
    pub limit_download: u32,
}
