//! Finds the real Compose and its grammar.
//!
//! A program that replaces another under the same name must not find itself: not through a link, not as a copy or another
//! version of itself, and not through a script that calls it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::grammar::Grammar;
use crate::env::{self, Env};
use crate::process::{self, Capture};

/// Every build of this program contains this text, so that it recognizes any copy of itself.
pub const MARKER: &str = "safe-compose:stand-in:8d1f3c5e-not-the-real-compose";

/// A Go program as large as this is Compose V2, whose file need not be searched for the marker.
const LARGE: u64 = 40_000_000;
/// How much of a file is read to identify it: Go's linker puts its note directly after the headers.
const HEAD: usize = 8192;
/// A script larger than this is no wrapper.
const SCRIPT: u64 = 64 * 1024;

/// The program that a kept file is: a link among them leads where it led from its old place.
pub fn kept_program(path: &Path) -> PathBuf {
    let kept = kept(path);
    match fs::read_link(&kept) {
        Ok(target) => path.parent().unwrap_or(Path::new("/")).join(target),
        Err(_) => kept,
    }
}

/// The real Compose.
#[derive(Debug, Clone)]
pub struct ComposeBinary {
    pub path: PathBuf,
    /// Known without running it.
    pub grammar: Option<Grammar>,
    asked: OnceLock<Grammar>,
}

/// There is no real Compose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct NotFound {
    /// The value of `SAFE_COMPOSE_COMPOSE`, if it is set.
    pub named: Option<PathBuf>,
    /// Files with the right name that were skipped.
    pub skipped: Vec<(PathBuf, Skipped)>,
    /// `docker` called, so that only its plugins count.
    pub plugins_only: bool,
}

/// Why a file is not the real Compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// It does not exist, or is not a file.
    Missing,
    NotExecutable,
    /// It is this program, a copy of it, or calls it.
    Ourselves,
    /// It is a wrapper, and has just called this program.
    CallsUs,
    /// It is Compose V1, and `docker` called, whose plugins are V2.
    NoPlugin,
}

/// The directory, beside a file in whose place `setup` has put this program, that keeps that file.
pub const KEPT: &str = ".safe-compose";

/// Where the file is kept that this program has taken the place of.
pub fn kept(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    path.parent().unwrap_or(Path::new("/")).join(KEPT).join(name)
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "does not exist",
            Self::NotExecutable => "is not executable",
            Self::Ourselves => "is safe-compose itself",
            Self::CallsUs => "runs safe-compose and not Docker Compose",
            Self::NoPlugin => "is Compose V1, which is no plugin of `docker`",
        })
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.named {
            // The one file that a path names.
            Some(path) if matches!(self.skipped.as_slice(), [(skipped, _)] if skipped == path) => {
                let (_, why) = &self.skipped[0];
                return write!(f, "`{}` is set to `{}`, which {why}", env::COMPOSE, path.display());
            }
            Some(path) => {
                write!(f, "`{}` is set to `{}`, which is no Compose", env::COMPOSE, path.display())?;
            }
            None if self.plugins_only => {
                f.write_str("no `docker-compose` in the plugin directories of docker")?;
            }
            None => f.write_str("no `docker-compose` in the plugin directories of docker or on `PATH`")?,
        }
        for (at, (path, why)) in self.skipped.iter().enumerate() {
            f.write_str(if at == 0 { " (" } else { ", " })?;
            write!(f, "`{}` {why}", path.display())?;
        }
        f.write_str(if self.skipped.is_empty() { "" } else { ")" })
    }
}

/// Why the grammar of a Compose is unknown.
#[derive(Debug, thiserror::Error)]
pub enum GrammarError {
    #[error("cannot run `{}`", path.display())]
    Run {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{} version --short` did not print a version: {said}", path.display())]
    NoVersion { path: PathBuf, said: String },
}

/// Finds the real Compose for a program that was called by the name `called_as`.
///
/// As a plugin of `docker` it stands in for the next plugin that `docker` would find, never for a program of `PATH`. By
/// the name `docker-compose` it stands in for the next one of `PATH`.
pub fn locate(env: &Env, called_as: &OsStr) -> Result<ComposeBinary, NotFound> {
    let is_plugin = env.plugin_caller.is_some();
    let mut search = Search {
        own: env.executable.as_deref().and_then(identity),
        called_by: env.called_by.as_deref(),
        plugins_only: is_plugin,
        skipped: Vec::new(),
    };
    let found = match &env.compose {
        Some(named) => search.named(env, named),
        None if is_plugin => search.among_plugins(env),
        None if Path::new(called_as).file_name() == Some(OsStr::new("docker-compose")) => {
            search.on_path(env).or_else(|| search.among_plugins(env))
        }
        None => search.among_plugins(env).or_else(|| search.on_path(env)),
    };
    found.ok_or(NotFound {
        named: env.compose.as_ref().map(PathBuf::from),
        skipped: search.skipped,
        plugins_only: is_plugin,
    })
}

/// The directories in which `docker` looks for its plugins, in its order (measured, clients 20.10 and 28).
pub fn plugin_directories(env: &Env) -> impl Iterator<Item = PathBuf> {
    let docker = env.docker_directory();
    let extra = docker.as_deref().map(extra_plugin_directories).unwrap_or_default();
    let own = docker.map(|docker| docker.join("cli-plugins"));
    extra.into_iter().chain(own).chain(SYSTEM_PLUGIN_DIRECTORIES.into_iter().map(|path| env.system(path)))
}

/// Those of all users.
pub const SYSTEM_PLUGIN_DIRECTORIES: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// Whether a file is this program, a copy of it, or calls it.
pub fn is_ourselves(env: &Env, path: &Path) -> bool {
    matches!(examine(path, env.executable.as_deref().and_then(identity)), Err(Skipped::Ourselves))
}

/// Whether a file may be a real Compose.
pub fn is_compose(env: &Env, path: &Path) -> bool {
    examine(path, env.executable.as_deref().and_then(identity)).is_ok()
}

struct Search<'a> {
    /// The wrapper that called this program.
    called_by: Option<&'a Path>,
    /// Device and inode of this program.
    own: Option<(u64, u64)>,
    /// Whether Compose V1 does not count.
    plugins_only: bool,
    skipped: Vec<(PathBuf, Skipped)>,
}

/// Whether a missing file is reported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Noted,
    Expected,
}

impl Search<'_> {
    /// The value of [`env::COMPOSE`]: a path, or a name to find on `PATH`.
    fn named(&mut self, env: &Env, named: &OsStr) -> Option<ComposeBinary> {
        let candidates: Vec<_> = if named.as_encoded_bytes().contains(&b'/') {
            vec![env.absolute(named)]
        } else {
            env.path_directories().map(|directory| directory.join(named)).collect()
        };
        candidates.into_iter().find_map(|path| self.try_candidate(path, Missing::Noted))
    }

    fn on_path(&mut self, env: &Env) -> Option<ComposeBinary> {
        env.path_directories().find_map(|directory| self.in_directory(&directory))
    }

    fn among_plugins(&mut self, env: &Env) -> Option<ComposeBinary> {
        plugin_directories(env).find_map(|directory| self.in_directory(&directory))
    }

    /// The Compose of a directory, or the one that `setup` keeps because this program is in its place.
    fn in_directory(&mut self, directory: &Path) -> Option<ComposeBinary> {
        let path = directory.join("docker-compose");
        let skipped = self.skipped.len();
        if let Some(found) = self.try_candidate(path.clone(), Missing::Expected) {
            return Some(found);
        }
        let is_ours = self.skipped[skipped..].iter().any(|(_, why)| *why == Skipped::Ourselves);
        if is_ours { self.try_candidate(kept_program(&path), Missing::Expected) } else { None }
    }

    fn try_candidate(&mut self, path: PathBuf, missing: Missing) -> Option<ComposeBinary> {
        match examine(&path, self.own) {
            Ok(None) if self.called_by == Some(&path) => {
                self.skipped.push((path, Skipped::CallsUs));
                None
            }
            Ok(Some(Grammar::V1)) if self.plugins_only => {
                self.skipped.push((path, Skipped::NoPlugin));
                None
            }
            Ok(grammar) => Some(ComposeBinary { path, grammar, asked: OnceLock::new() }),
            Err(Skipped::Missing) if missing == Missing::Expected => None,
            Err(why) => {
                self.skipped.push((path, why));
                None
            }
        }
    }
}

/// `cliPluginsExtraDirs` of docker's `config.json`.
fn extra_plugin_directories(docker: &Path) -> Vec<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Config {
        #[serde(default, rename = "cliPluginsExtraDirs")]
        extra: Vec<PathBuf>,
    }
    // A file that docker cannot read adds nothing there either.
    fs::read(docker.join("config.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Config>(&bytes).ok())
        .map(|config| config.extra)
        .unwrap_or_default()
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| inode(&metadata))
}

fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Inspects a file: why it is not the real Compose, or its grammar if the file shows it.
fn examine(path: &Path, own: Option<(u64, u64)>) -> Result<Option<Grammar>, Skipped> {
    let metadata = fs::metadata(path).map_err(|_| Skipped::Missing)?;
    if !metadata.is_file() {
        return Err(Skipped::Missing);
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(Skipped::NotExecutable);
    }
    if own == Some(inode(&metadata)) {
        return Err(Skipped::Ourselves);
    }
    let Ok(mut file) = File::open(path) else {
        // Executable but not readable: it can be run, and this program is never installed that way.
        return Ok(None);
    };
    let Ok(mut head) = read_head(&mut file) else {
        return Ok(None);
    };
    if head.starts_with(b"\x7fELF") {
        if metadata.len() >= LARGE && is_go(&head) {
            return Ok(Some(Grammar::V2));
        }
        return if holds_marker(&mut file, head) { Err(Skipped::Ourselves) } else { Ok(None) };
    }
    if head.starts_with(b"#!") && metadata.len() < SCRIPT {
        let _ = file.read_to_end(&mut head);
        if contains(&head, b"safe-compose") {
            return Err(Skipped::Ourselves);
        }
        return Ok(contains(&head, b"docker-compose==1.").then_some(Grammar::V1));
    }
    Ok(None)
}

/// The first bytes of a file, in one read: the hand-over spends most of its time here.
fn read_head(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while filled < HEAD {
        match file.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// The note that Go's linker puts directly after the headers: type 4, name `Go`.
fn is_go(head: &[u8]) -> bool {
    contains(head, b"\x04\0\0\0Go\0\0")
}

fn holds_marker(file: &mut File, head: Vec<u8>) -> bool {
    let mut window = head;
    let mut chunk = vec![0; 1 << 20];
    loop {
        if contains(&window, MARKER.as_bytes()) {
            return true;
        }
        let Ok(read @ 1..) = file.read(&mut chunk) else {
            return false;
        };
        // The overlap finds a marker that crosses two chunks.
        window.drain(..window.len().saturating_sub(MARKER.len()));
        window.extend_from_slice(&chunk[..read]);
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

impl ComposeBinary {
    /// A Compose at a path, with its grammar if that is known.
    #[cfg(any(test, feature = "internals"))]
    pub fn new(path: impl Into<PathBuf>, grammar: Option<Grammar>) -> Self {
        Self { path: path.into(), grammar, asked: OnceLock::new() }
    }

    /// A variable for it where its file does not show that it is Compose: it may be a wrapper of this program.
    pub fn variable(&self) -> Option<(&'static str, OsString)> {
        self.grammar.is_none().then(|| (env::CALLED_BY, self.path.clone().into_os_string()))
    }

    /// Its grammar: from its file, otherwise from its version, which it is asked for once.
    pub fn grammar(&self) -> Result<Grammar, GrammarError> {
        if let Some(grammar) = self.grammar.or_else(|| self.asked.get().copied()) {
            return Ok(grammar);
        }
        let grammar = self.ask()?;
        Ok(*self.asked.get_or_init(|| grammar))
    }

    fn ask(&self) -> Result<Grammar, GrammarError> {
        let args = ["version", "--short"].map(OsString::from);
        let asked = Capture {
            program: &self.path,
            args: &args,
            env_remove: &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
            stdin: None,
        };
        let variable: Vec<_> = self.variable().into_iter().collect();
        let output = process::capture_with(&asked, &variable)
            .map_err(|source| GrammarError::Run { path: self.path.clone(), source })?;
        let said = String::from_utf8_lossy(&output.stdout);
        said.lines().find_map(grammar_of).ok_or_else(|| GrammarError::NoVersion {
            path: self.path.clone(),
            said: format!("{said}{}", String::from_utf8_lossy(&output.stderr)).trim().to_owned(),
        })
    }
}

/// The grammar of a version: `2.40.3`, `v2.1.0`, `1.29.2`.
fn grammar_of(line: &str) -> Option<Grammar> {
    let (major, _) = line.trim().trim_start_matches('v').split_once('.')?;
    match major.parse::<u32>().ok()? {
        0 => None,
        1 => Some(Grammar::V1),
        _ => Some(Grammar::V2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_the_grammar() {
        assert_eq!(grammar_of("1.29.2"), Some(Grammar::V1));
        assert_eq!(grammar_of("v2.0.1\n"), Some(Grammar::V2));
        assert_eq!(grammar_of("5.5.0-desktop.1"), Some(Grammar::V2));
        assert_eq!(grammar_of("Docker Compose version v2.40.3"), None);
        assert_eq!(grammar_of("0.9.1"), None);
        assert_eq!(grammar_of(""), None);
    }

    #[test]
    fn a_marker_across_two_chunks_is_found() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let mut bytes = vec![b'x'; (1 << 20) - MARKER.len() / 2];
        bytes.extend(MARKER.bytes());
        fs::write(&path, &bytes).expect("written");
        assert!(holds_marker(&mut File::open(&path).expect("there"), Vec::new()));
        bytes.truncate(1 << 20);
        fs::write(&path, &bytes).expect("written");
        assert!(!holds_marker(&mut File::open(&path).expect("there"), Vec::new()));
    }
}
