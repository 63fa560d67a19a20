//! What Compose printed for a project the last time, for a command with exactly the same inputs.
//!
//! `config` takes about as long as an `up -d` that finds nothing to do. A wrong answer would make the guard look at another
//! project than Compose, so an answer is used only if nothing that decides it has changed (`inputs`), and only the answers
//! of versions of Compose are kept whose reads are known.
//!
//! The answers contain secrets. They are encrypted with a key that is derived from the inputs, so nobody can read them who
//! does not have the Compose files and the variables that the secrets come from. The key is not stored.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use super::inputs::RenderInputs;
use super::location::ProjectLocation;
use crate::compose::binary::ComposeBinary;
use crate::compose::invocation::Reading;
use crate::env::{self, Env};
use crate::fs::{Digest, PRIVATE_FILE, create_private_dir_all, remove_file, to_json_line, write_atomically};
use crate::process::{self, Capture, Output};

/// Below the user's directory for caches.
const DIRECTORY: &str = "safe-compose/config";

/// Entries of projects that nobody has used for as long are removed.
const UNUSED: Duration = Duration::from_hours(720);

/// The versions whose reads are known: the first and the last that were traced.
const KNOWN_VERSIONS: std::ops::RangeInclusive<(u32, u32)> = (2, 26)..=(2, 40);

/// The answers of Compose for one command.
pub struct RenderCache {
    file: PathBuf,
    owned: Owned,
    /// The files that the Compose files name, and the digest of all inputs, from before Compose was asked.
    named: Vec<PathBuf>,
    digest: Digest,
    found: Vec<Answer>,
    new: Mutex<Vec<Answer>>,
}

/// What [`RenderInputs`] borrows.
struct Owned {
    binary: ComposeBinary,
    reading: Reading,
    env: Env,
}

/// What Compose printed for some arguments.
#[derive(Clone, Serialize, Deserialize)]
struct Answer {
    args: Vec<String>,
    stdout: String,
    stderr: String,
}

/// The first line of an entry, which is readable: without it the inputs are not known.
#[derive(Serialize, Deserialize)]
struct Header {
    named: Vec<PathBuf>,
}

impl RenderCache {
    /// The cache for a command; `None` if its answers cannot be kept.
    pub(super) fn open(
        binary: &ComposeBinary,
        reading: &Reading,
        env: &Env,
        location: &ProjectLocation,
    ) -> Option<Self> {
        // Under sudo, the directory is the user's, who must not decide what root reads.
        if env::is_sudo() {
            return None;
        }
        let inputs = RenderInputs { binary, reading, env, location };
        let file = env.cache_directory()?.join(DIRECTORY).join(inputs.command().to_string());
        let (named, digest, found) = if let Some(entry) = read(&file, &inputs) {
            entry
        } else {
            let named = inputs.named_files()?;
            let digest = inputs.digest(&named)?;
            (named, digest, Vec::new())
        };
        let owned = Owned { binary: binary.clone(), reading: reading.clone(), env: env.clone() };
        Some(Self { file, owned, named, digest, found, new: Mutex::default() })
    }

    /// What Compose would print. It succeeded.
    pub(super) fn answer(&self, args: &[OsString]) -> Option<Output> {
        let is_it = |answer: &&Answer| answer.args.iter().map(OsStr::new).eq(args);
        let answer = self.found.iter().find(is_it)?;
        let (stdout, stderr) = (answer.stdout.clone().into_bytes(), answer.stderr.clone().into_bytes());
        Some(Output { code: 0, stdout, stderr })
    }

    /// Takes an answer that may be kept.
    pub(super) fn add(&self, args: &[OsString], output: &Output) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let args: Option<Vec<String>> = args.iter().map(|word| word.to_str().map(str::to_owned)).collect();
        if output.code == 0
            && let (Some(args), Some(stdout), Some(stderr)) =
                (args, text(&output.stdout), text(&output.stderr))
        {
            self.unkept().push(Answer { args, stdout, stderr });
        }
    }

    fn unkept(&self) -> std::sync::MutexGuard<'_, Vec<Answer>> {
        self.new.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the new answers for the next command. Asks Compose for its version, so it takes a moment. A failure only means
    /// that Compose is asked again.
    pub fn keep(&self) {
        let mut answers = std::mem::take(&mut *self.unkept());
        if answers.is_empty() || !self.is_unchanged() || !self.is_known_version() {
            return;
        }
        answers.extend(self.found.iter().cloned());
        if let Err(error) = self.write(&answers) {
            tracing::debug!(file = %self.file.display(), error, "the configuration is not kept");
        }
    }

    /// Whether the inputs are those from before Compose was asked. If not, nobody knows which of them it read.
    fn is_unchanged(&self) -> bool {
        let Owned { binary, reading, env } = &self.owned;
        let location = ProjectLocation::find(reading, env);
        let inputs = RenderInputs { binary, reading, env, location: &location };
        inputs.named_files().is_some_and(|named| named == self.named)
            && inputs.digest(&self.named) == Some(self.digest)
    }

    fn is_known_version(&self) -> bool {
        let args = ["version", "--short"].map(OsString::from);
        let env_remove = &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET];
        let program = self.owned.binary.path.as_path();
        let output = process::capture(&Capture { program, args: &args, env_remove, stdin: None });
        output.is_ok_and(|output| {
            let text = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
            let mut parts = text.split('.').map(|part| part.parse().ok());
            let version = parts.next().flatten().zip(parts.next().flatten());
            version.is_some_and(|version| KNOWN_VERSIONS.contains(&version))
        })
    }

    fn write(&self, answers: &[Answer]) -> Result<(), String> {
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        create_private_dir_all(directory).map_err(|error| error.to_string())?;
        remove_unused(directory);
        let mut entry = to_json_line(&Header { named: self.named.clone() }).into_bytes();
        entry.push(b'\n');
        let mut sealed = to_json_line(&answers).into_bytes();
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|error| error.to_string())?;
        key(&self.digest)
            .and_then(|key| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.seal_in_place_append_tag(nonce, Aad::from(entry.as_slice()), &mut sealed).ok()
            })
            .ok_or("it cannot be encrypted")?;
        entry.extend(nonce);
        entry.extend(sealed);
        write_atomically(&self.file, &entry, PRIVATE_FILE).map_err(|error| error.to_string())
    }
}

/// An entry whose inputs are those of now.
fn read(file: &Path, inputs: &RenderInputs<'_>) -> Option<(Vec<PathBuf>, Digest, Vec<Answer>)> {
    let metadata = fs::symlink_metadata(file).ok()?;
    let is_own = metadata.is_file()
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode().trailing_zeros() >= 6;
    if !is_own {
        return None;
    }
    let entry = fs::read(file).ok()?;
    let (header, rest) = entry.split_at(memchr::memchr(b'\n', &entry)? + 1);
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
    let Header { named } = serde_json::from_slice(header).ok()?;
    let digest = inputs.digest(&named)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let answers = key(&digest)?.open_in_place(nonce, Aad::from(header), &mut sealed).ok()?;
    Some((named, digest, serde_json::from_slice(answers).ok()?))
}

/// The key of an entry. The digest itself is nowhere, and so is the key.
fn key(inputs: &Digest) -> Option<LessSafeKey> {
    let key = Digest::of(format!("safe-compose config cache 1 {inputs}").as_bytes());
    UnboundKey::new(&CHACHA20_POLY1305, key.as_bytes()).ok().map(LessSafeKey::new)
}

fn remove_unused(directory: &Path) {
    let is_old = |path: &Path| {
        let changed = fs::symlink_metadata(path).and_then(|file| file.modified());
        changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > UNUSED))
    };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if is_old(&entry.path()) {
            let _ = remove_file(&entry.path());
        }
    }
}
