//! One step of an installation, and whether it is made already.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fs::sha256_of;
use crate::process::{Capture, capture};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupStep {
    /// Copies this program.
    Program { from: PathBuf, to: PathBuf },
    /// Creates a symbolic link. A file in its place is kept beside it.
    Link { at: PathBuf, target: PathBuf },
    /// Writes a file that is this program's alone. A file in its place is kept beside it.
    File { path: PathBuf, text: String },
    /// Puts lines into a file of somebody else's. They begin with `begin`, which is found again.
    Block { path: PathBuf, text: String, begin: String, place: BlockPlace },
    /// Puts lines into the user's crontab.
    Crontab { program: PathBuf, text: String },
    /// Enables a unit of systemd. `arguments` are the words before the verb: `--user`.
    Enable { program: PathBuf, arguments: Vec<String>, unit: String },
}

/// Where a block goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockPlace {
    End,
    /// At the end of the list of repositories of a pre-commit configuration.
    Repositories,
}

impl SetupStep {
    /// Whether it would change nothing.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Program { from, to } => is_same_file(from, to),
            Self::Link { at, target } => fs::read_link(at).is_ok_and(|to| to == *target),
            Self::File { path, text } => fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()),
            Self::Block { path, text, begin, .. } => {
                fs::read_to_string(path).is_ok_and(|content| holds_block(&content, text, begin))
            }
            Self::Crontab { program, text } => crontab(program).is_some_and(|lines| lines.contains(text)),
            Self::Enable { program, arguments, unit } => {
                systemctl(program, arguments, &["is-enabled", "--quiet", unit])
            }
        }
    }

    /// What it does, in the infinitive.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Program { .. } => "copy",
            Self::Link { .. } => "link",
            Self::File { .. } => "write",
            Self::Block { .. } | Self::Crontab { .. } => "add to",
            Self::Enable { .. } => "enable",
        }
    }

    /// What becomes of a file that is in the way.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Program { to, .. } if to.exists() => Some("replaces an older copy".to_owned()),
            Self::Link { at: path, .. } | Self::File { path, .. } if is_there(path) => Some(format!(
                "the file that is there is kept as `{}`",
                crate::compose::binary::kept(path).display()
            )),
            Self::Block { place: BlockPlace::Repositories, .. } => Some("hooks for pre-commit".to_owned()),
            Self::Block { place: BlockPlace::End, text, .. } | Self::Crontab { text, .. } => {
                let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
                lines.next().map(|line| line.trim().to_owned())
            }
            Self::Program { .. } | Self::Link { .. } | Self::File { .. } | Self::Enable { .. } => None,
        }
    }
}

impl fmt::Display for SetupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { to, .. } => write!(f, "this program to `{}`", to.display()),
            Self::Link { at, .. } => write!(f, "`{}` to the copy of this program", at.display()),
            Self::File { path, .. } | Self::Block { path, .. } => write!(f, "`{}`", path.display()),
            Self::Crontab { .. } => f.write_str("the crontab"),
            Self::Enable { unit, .. } => write!(f, "`{unit}`"),
        }
    }
}

/// Whether a text has a block, with the indentation of its first line.
fn holds_block(content: &str, text: &str, begin: &str) -> bool {
    let Some(first) = content.lines().find(|line| line.trim_start() == begin) else { return false };
    let indent = &first[..first.len() - begin.len()];
    let block: String = text.lines().map(|line| format!("{indent}{line}\n")).collect();
    content.contains(&block)
}

/// Whether there is anything at a path; a link that leads to nothing counts.
pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.len());
    length(one).is_some()
        && length(one) == length(other)
        && matches!((sha256_of(one), sha256_of(other)), (Ok(one), Ok(other)) if one == other)
}

/// The lines of the user's crontab; `None` if it has none.
pub(super) fn crontab(program: &Path) -> Option<String> {
    let args = [OsString::from("-l")];
    let output = capture(&Capture { program, args: &args, env_remove: &[], stdin: None }).ok()?;
    (output.code == 0).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `systemctl`; whether it succeeded.
pub(super) fn systemctl(program: &Path, arguments: &[String], words: &[&str]) -> bool {
    let args: Vec<OsString> =
        arguments.iter().map(OsString::from).chain(words.iter().map(OsString::from)).collect();
    capture(&Capture { program, args: &args, env_remove: &[], stdin: None })
        .is_ok_and(|output| output.code == 0)
}
