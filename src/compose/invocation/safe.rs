//! Our own flags among Compose's: every one begins with `--safe-`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// What our flags say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag that is a switch")]
pub struct SafeFlags {
    /// `--safe-plan`: say what would happen, and run nothing.
    pub plan: bool,
    /// `--safe-skip-backup`: run without the backup that belongs before it.
    pub skip_backup: bool,
    /// `--safe-skip-checks`: start services whatever the checks of their data places have found.
    pub skip_checks: bool,
    /// `--safe-allow=TOKEN`: the confirmation of one plan.
    pub allow: Option<String>,
    /// `--safe-help`
    pub help: bool,
    /// `--safe-version`
    pub version: bool,
    /// `--safe-format=json|text`
    pub format: Format,
}

/// How our reports are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// Our flags are said wrongly. Nothing is run: a flag that protects must not be lost to a typing error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("unknown flag `{word}`; the flags of safe-compose are {}", KNOWN.join(", "))]
    Unknown { word: String },
    #[error("`{flag}` needs a value: `{flag}={example}`")]
    NeedsValue { flag: &'static str, example: &'static str },
    #[error("`{flag}` takes no value")]
    TakesNone { flag: &'static str },
    #[error("`{flag}` is `text` or `json`, not `{value}`")]
    BadFormat { flag: &'static str, value: String },
    #[error("`{word}` stands where `{before}` expects its value")]
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

/// Whether a word is one of ours, known or not.
pub(super) fn is_ours(word: &OsStr) -> bool {
    word.as_bytes().starts_with(b"--safe-")
}

/// Whether a word is one of the flags that we know.
pub(super) fn is_known(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    let name = text.split_once('=').map_or(&*text, |(name, _)| name);
    KNOWN.iter().any(|known| known.trim_matches('`') == name)
}

impl SafeFlags {
    /// Takes in one word that [`is_ours`], and says whether it used up the next one as its value.
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
