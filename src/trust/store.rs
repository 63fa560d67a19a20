//! The agreements on disk: one private file for each project directory, in the user's directory for state.
//!
//! A file that somebody else may have written is no agreement.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::acting::ActingSettings;
use crate::env;
use crate::fs::{
    Digest, FsError, PRIVATE_FILE, create_private_dir_all, remove_file, to_json, write_atomically,
};

/// Below the user's directory for state of this program. No project has a name with a dot.
const DIRECTORY: &str = ".trust";
const FORMAT_VERSION: u32 = 1;

/// Permission to run what the settings run and to contact what they contact: the user has agreed to exactly these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted(());

/// Whether the settings of a project that act may do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// No setting acts.
    NothingActs,
    Granted(Granted),
    /// Nothing is run and nothing is contacted. By label, what the user has not agreed to.
    Withheld(BTreeMap<String, AgreementState>),
}

/// What a user has agreed to of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreementState {
    Agreed,
    /// It was something else when the user agreed.
    Changed,
    /// The user has not agreed to it, or somebody has removed a setting that belonged to it.
    New,
}

#[derive(Debug, Serialize, Deserialize)]
struct AgreementRecord {
    format_version: u32,
    /// Of the project.
    directory: PathBuf,
    agreed: Timestamp,
    digest: String,
    /// The digest of each setting, by label.
    settings: BTreeMap<String, String>,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct TrustStore {
    /// `None` where the user has no directory for state.
    directory: Option<PathBuf>,
    /// Digests that are agreed to for this process: `SAFE_COMPOSE_TRUST`.
    given: Vec<String>,
}

impl TrustStore {
    /// `state` is the user's directory for state of this program.
    pub fn new(state: Option<&Path>, given: &[String]) -> Self {
        Self { directory: state.map(|state| state.join(DIRECTORY)), given: given.to_vec() }
    }

    /// Whether the settings of the project in a directory may act.
    pub fn check(&self, project: &Path, settings: &ActingSettings) -> Trust {
        if settings.is_empty() {
            return Trust::NothingActs;
        }
        let digest = settings.digest();
        let record = self.read(project);
        let is_recorded = record.as_ref().is_some_and(|record| record.digest == digest);
        if is_recorded || self.given.contains(&digest) {
            return Trust::Granted(Granted(()));
        }
        let known = record.map(|record| record.settings).unwrap_or_default();
        let state = |label: &str, digest: String| match known.get(label) {
            Some(agreed) if *agreed == digest => AgreementState::Agreed,
            Some(_) => AgreementState::Changed,
            None => AgreementState::New,
        };
        let states = settings
            .iter()
            .map(|setting| (setting.label().to_owned(), state(setting.label(), setting.digest())));
        Trust::Withheld(states.collect())
    }

    /// Whether an agreement for a directory can be recorded.
    pub fn can_record(&self) -> bool {
        self.directory.is_some()
    }

    /// Records that the user has agreed to these settings.
    pub fn agree(&self, project: &Path, settings: &ActingSettings) -> Result<(), FsError> {
        let Some(file) = self.file(project) else { return Ok(()) };
        let record = AgreementRecord {
            format_version: FORMAT_VERSION,
            directory: identity(project),
            agreed: Timestamp::now(),
            digest: settings.digest(),
            settings: settings.iter().map(|setting| (setting.label().to_owned(), setting.digest())).collect(),
        };
        create_private_dir_all(file.parent().unwrap_or(Path::new("/")))?;
        write_atomically(&file, &to_json(&record), PRIVATE_FILE)
    }

    /// Whether something is recorded for the project in a directory.
    pub fn has_record(&self, project: &Path) -> bool {
        self.file(project).is_some_and(|file| file.exists())
    }

    /// Removes the agreement.
    pub fn revoke(&self, project: &Path) -> Result<(), FsError> {
        match self.file(project) {
            Some(file) if file.exists() => remove_file(&file),
            Some(_) | None => Ok(()),
        }
    }

    /// A record that cannot be read, that another user may have written, or that is of a newer program, counts as none.
    fn read(&self, project: &Path) -> Option<AgreementRecord> {
        let file = self.file(project)?;
        if !file.symlink_metadata().is_ok_and(|metadata| is_private(&metadata)) {
            return None;
        }
        let record: AgreementRecord = serde_json::from_slice(&std::fs::read(&file).ok()?).ok()?;
        (record.format_version <= FORMAT_VERSION && record.directory == identity(project)).then_some(record)
    }

    fn file(&self, project: &Path) -> Option<PathBuf> {
        let name = Digest::of(identity(project).as_os_str().as_bytes());
        Some(self.directory.as_ref()?.join(format!("{name}.json")))
    }
}

/// The directory without links in its path: two paths to one checkout are one project.
fn identity(project: &Path) -> PathBuf {
    project.canonicalize().unwrap_or_else(|_| project.to_owned())
}

/// Only this user can have written the file. Under sudo it belongs to whom the directory belongs to.
fn is_private(metadata: &Metadata) -> bool {
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw() || env::is_sudo();
    metadata.is_file() && is_own && metadata.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::*;

    fn settings(value: &Value) -> ActingSettings {
        ActingSettings::of_file(Some(value), Path::new("/nonexistent"))
    }

    fn places() -> (TempDir, TempDir) {
        (tempfile::tempdir().expect("made"), tempfile::tempdir().expect("made"))
    }

    fn is_granted(trust: &Trust) -> bool {
        matches!(trust, Trust::Granted(_))
    }

    #[test]
    fn an_agreement_is_for_these_settings_in_this_directory() {
        let (state, project) = places();
        let store = TrustStore::new(Some(state.path()), &[]);
        let agreed = settings(&json!({ "hooks": { "on_loss": ["a"], "on_failure": ["b"] } }));
        let withheld = |states: &[(&str, AgreementState)]| {
            Trust::Withheld(states.iter().map(|(label, state)| ((*label).to_owned(), *state)).collect())
        };
        let all_new = [("hooks.on_failure", AgreementState::New), ("hooks.on_loss", AgreementState::New)];
        assert_eq!(store.check(project.path(), &agreed), withheld(&all_new));
        store.agree(project.path(), &agreed).expect("written");
        assert!(is_granted(&store.check(project.path(), &agreed)));
        assert_eq!(store.check(Path::new("/elsewhere"), &agreed), withheld(&all_new));
        let changed =
            settings(&json!({ "hooks": { "on_loss": ["x"], "on_failure": ["b"] }, "notify": ["https://x"] }));
        let states = [
            ("hooks.on_failure", AgreementState::Agreed),
            ("hooks.on_loss", AgreementState::Changed),
            ("notify[0]", AgreementState::New),
        ];
        assert_eq!(store.check(project.path(), &changed), withheld(&states));
        let fewer = settings(&json!({ "hooks": { "on_loss": ["a"] } }));
        assert!(!is_granted(&store.check(project.path(), &fewer)), "a change is a change");
        assert_eq!(store.check(project.path(), &settings(&json!({}))), Trust::NothingActs);
        store.revoke(project.path()).expect("removed");
        assert!(!is_granted(&store.check(project.path(), &agreed)));
        store.revoke(project.path()).expect("nothing to remove");
    }

    #[test]
    fn two_paths_to_a_directory_are_one_project() {
        let (state, project) = places();
        let link = state.path().join("link");
        symlink(project.path(), &link).expect("made");
        let store = TrustStore::new(Some(state.path()), &[]);
        let agreed = settings(&json!({ "hooks": { "on_loss": ["a"] } }));
        store.agree(&link, &agreed).expect("written");
        assert!(is_granted(&store.check(project.path(), &agreed)));
    }

    #[test]
    fn a_variable_agrees_to_one_digest() {
        let agreed = settings(&json!({ "hooks": { "on_loss": ["a"] } }));
        let check = |given: &str| TrustStore::new(None, &[given.to_owned()]).check(Path::new("/x"), &agreed);
        assert!(is_granted(&check(&agreed.digest())));
        for other in ["", "1", "true", &agreed.digest()[..12]] {
            assert!(!is_granted(&check(other)), "{other}");
        }
    }

    #[test]
    fn a_file_that_others_may_have_written_is_no_agreement() {
        let (state, project) = places();
        let store = TrustStore::new(Some(state.path()), &[]);
        let agreed = settings(&json!({ "hooks": { "on_loss": ["a"] } }));
        store.agree(project.path(), &agreed).expect("written");
        let file = store.file(project.path()).expect("a file");
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o620)).expect("changed");
        assert!(!is_granted(&store.check(project.path(), &agreed)));
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("changed");
        assert!(is_granted(&store.check(project.path(), &agreed)));
        let text = fs::read_to_string(&file)
            .expect("read")
            .replace("\"format_version\": 1", "\"format_version\": 2");
        fs::write(&file, text).expect("written");
        assert!(!is_granted(&store.check(project.path(), &agreed)), "of a newer program");
    }
}
