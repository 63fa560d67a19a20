//! The flags of this program among those of Compose: all begin with `--safe-`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// The values of the `--safe-` flags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag that is a switch")]
pub struct SafeFlags {
    /// `--safe-plan`: print what would happen, and run nothing.
    pub plan: bool,
    /// `--safe-skip-backup`: run without making a backup first.
    pub skip_backup: bool,
    /// `--safe-skip-checks`: start services even if the preflight checks fail.
    pub skip_checks: bool,
    /// `--safe-allow=TOKEN`: confirm one plan.
    pub allow: Option<String>,
    /// `--safe-help`
    pub help: bool,
    /// `--safe-version`
    pub version: bool,
    /// `--safe-format=json|text`
    pub format: Format,
}

/// The format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// A `--safe-` flag is wrong. Nothing is run: a typing error must not disable a protective flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("unknown flag `{word}`; the flags of safe-compose are {}", KNOWN.join(", "))]
    Unknown { word: String },
    #[error("`{flag}` needs a value: `{flag}={example}`")]
    NeedsValue { flag: &'static str, example: &'static str },
    #[error("`{flag}` takes no value")]
    TakesNone { flag: &'static str },
    #[error("`{flag}` must be `text` or `json`, not `{value}`")]
    BadFormat { flag: &'static str, value: String },
    #[error("`{word}` is where `{before}` expects its value")]
    Misplaced { word: String, before: String },
}

const KNOWN: &[&str] = &[
    "`--safe-plan`",
    "`--safe-skip-backup`",
    "`--safe-skip-checks`",
    "`--safe-allow`",
    "`--safe-format`",
    "`--safe-help`",
    "`--safe-version`",
];

/// Whether an argument is a `--safe-` flag, known or not.
pub(super) fn is_ours(word: &OsStr) -> bool {
    word.as_bytes().starts_with(b"--safe-")
}

/// Whether an argument is a known `--safe-` flag.
pub(super) fn is_known(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    let name = text.split_once('=').map_or(&*text, |(name, _)| name);
    KNOWN.iter().any(|known| known.trim_matches('`') == name)
}

impl SafeFlags {
    /// Applies one argument that [`is_ours`]; returns whether the next one was its value.
    pub(super) fn take(&mut self, word: &OsStr, next: Option<&OsString>) -> Result<bool, UsageError> {
        let text = word.to_string_lossy();
        let (name, inline) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (&*text, None),
        };
        match name {
            "--safe-plan" => switch(&mut self.plan, "--safe-plan", inline.as_deref()),
            "--safe-skip-backup" => switch(&mut self.skip_backup, "--safe-skip-backup", inline.as_deref()),
            "--safe-skip-checks" => switch(&mut self.skip_checks, "--safe-skip-checks", inline.as_deref()),
            "--safe-help" => switch(&mut self.help, "--safe-help", inline.as_deref()),
            "--safe-version" => switch(&mut self.version, "--safe-version", inline.as_deref()),
            "--safe-allow" => {
                let (value, used) = value("--safe-allow", "TOKEN", inline, next)?;
                self.allow = Some(value);
                Ok(used)
            }
            "--safe-format" => {
                let flag = "--safe-format";
                let (value, used) = value(flag, "json", inline, next)?;
                self.format = match value.as_str() {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    _ => return Err(UsageError::BadFormat { flag, value }),
                };
                Ok(used)
            }
            _ => Err(UsageError::Unknown { word: text.into_owned() }),
        }
    }
}

fn switch(field: &mut bool, flag: &'static str, inline: Option<&str>) -> Result<bool, UsageError> {
    if inline.is_some() {
        return Err(UsageError::TakesNone { flag });
    }
    *field = true;
    Ok(false)
}

/// The value, and whether it was the next word.
fn value(
    flag: &'static str,
    example: &'static str,
    inline: Option<String>,
    next: Option<&OsString>,
) -> Result<(String, bool), UsageError> {
    let used = inline.is_none();
    let value = inline.or_else(|| next.map(|next| next.to_string_lossy().into_owned()));
    match value {
        Some(value) if !value.is_empty() && !value.starts_with('-') => Ok((value, used)),
        _ => Err(UsageError::NeedsValue { flag, example }),
    }
}
