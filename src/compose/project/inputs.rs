//! Everything that decides what `config` prints, as one digest.
//!
//! What Compose V2 reads for `config` was traced with `strace` (2.26.1 and 2.40.3): its own program, docker's
//! `config.json`, the `.env` files, the Compose files, and the files that those name. A project of which not all of this
//! is known has no digest.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::environment::EnvironmentReader;
use super::location::ProjectLocation;
use crate::compose::binary::ComposeBinary;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Reading};
use crate::env::{self, Env};
use crate::fs::{Digest, Digester};

/// A file that is larger is none that somebody has written.
const LARGEST_FILE: u64 = 4 << 20;

/// What is known of a project before Compose is asked.
pub(super) struct RenderInputs<'a> {
    pub(super) binary: &'a ComposeBinary,
    pub(super) reading: &'a Reading,
    pub(super) env: &'a Env,
    pub(super) location: &'a ProjectLocation,
}

impl RenderInputs<'_> {
    /// What tells the command apart from others: the program, the directory, the arguments, and which files are read.
    pub(super) fn command(&self) -> Digest {
        let mut fields = Fields::default();
        self.add_command(&mut fields);
        fields.0.finish()
    }

    /// The digest of all inputs. `named` are the files that the Compose files name. `None` if an input is not a plain file
    /// of this machine, or Compose is a script that may run anything.
    pub(super) fn digest(&self, named: &[PathBuf]) -> Option<Digest> {
        let (env, location) = (self.env, self.location);
        let is_plain_v2 = self.reading.grammar == Grammar::V2 && self.binary.grammar == Some(Grammar::V2);
        let is_read_from_files = !location.files.is_empty() && !location.reads_stdin();
        if !is_plain_v2 || !is_read_from_files || env.home.is_none() {
            return None;
        }
        let mut fields = Fields::default();
        self.add_command(&mut fields);
        fields.add_state(&self.binary.path, &fs::metadata(&self.binary.path).ok()?);
        for (name, value) in env::every_variable() {
            // Compose gets it from `docker`, and does not get it when it is asked for the configuration.
            if name != env::PLUGIN_SOCKET {
                fields.add(name.as_bytes());
                fields.add(value.as_bytes());
            }
        }
        fields.add_file(&env.docker_directory()?.join("config.json"))?;
        let reader = EnvironmentReader { grammar: Grammar::V2, globals: &self.reading.globals, env };
        let mut directories = vec![env.current_dir.clone(), location.directory.clone()];
        directories.extend(location.files.iter().filter_map(|file| file.parent()).map(Path::to_owned));
        for file in directories.iter().flat_map(|directory| reader.files(directory)) {
            fields.add_file(&file)?;
        }
        for file in location.files.iter().chain(named) {
            fields.add_file(file)?;
        }
        Some(fields.0.finish())
    }

    /// The files that the Compose files name and whose contents Compose reads. `None` if they cannot be told without
    /// Compose.
    pub(super) fn named_files(&self) -> Option<Vec<PathBuf>> {
        let mut named = Vec::new();
        for file in &self.location.files {
            let document: Value = serde_saphyr::from_slice(&fs::read(file).ok()?).ok()?;
            add_named(&document, &self.location.directory, &mut named)?;
        }
        // They are written down beside the answer, in UTF-8.
        named.iter().all(|path| path.to_str().is_some()).then_some(named)
    }

    fn add_command(&self, fields: &mut Fields) {
        fields.add(self.binary.path.as_os_str().as_bytes());
        fields.add(self.env.current_dir.as_os_str().as_bytes());
        fields.add(match self.reading.caller {
            Caller::Person => b"person",
            Caller::Docker => b"docker",
        });
        for word in &self.reading.globals.argv {
            fields.add(word.as_bytes());
        }
        for file in &self.location.files {
            fields.add(file.as_os_str().as_bytes());
        }
    }
}

/// Adds the files that a part of a Compose file names. A key counts wherever it is: one that means something else there
/// only makes the digest depend on more.
fn add_named(value: &Value, directory: &Path, named: &mut Vec<PathBuf>) -> Option<()> {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match key.as_str() {
                    "env_file" | "label_file" => add_paths(value, directory, named)?,
                    "extends" if is_in_same_file(value) => {}
                    // They lead to files that lead to files, or follow symbolic links, or start programs.
                    "include" | "extends" | "develop" | "provider" | "use_api_socket" => return None,
                    _ => add_named(value, directory, named)?,
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                add_named(item, directory, named)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Some(())
}

/// `env_file`: a path, or a list of paths and of maps with a path.
fn add_paths(value: &Value, directory: &Path, named: &mut Vec<PathBuf>) -> Option<()> {
    match value {
        // A variable or a home directory would have to be resolved.
        Value::String(path) if path.contains('$') || path.starts_with('~') => return None,
        Value::String(path) => named.push(directory.join(path)),
        Value::Array(items) => {
            for item in items {
                add_paths(item, directory, named)?;
            }
        }
        Value::Object(map) => add_paths(map.get("path")?, directory, named)?,
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => return None,
    }
    Some(())
}

fn is_in_same_file(extends: &Value) -> bool {
    match extends {
        Value::String(_) => true,
        Value::Object(map) => !map.contains_key("file"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Fields with their lengths, so that two lists of fields never have the same bytes.
#[derive(Default)]
struct Fields(Digester);

impl Fields {
    fn add(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Which file it is and when it was changed the last time, which nobody can set back.
    fn add_state(&mut self, path: &Path, file: &fs::Metadata) {
        self.add(path.as_os_str().as_bytes());
        for number in [file.dev(), file.ino(), file.size()] {
            self.add(&number.to_le_bytes());
        }
        for number in [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()] {
            self.add(&number.to_le_bytes());
        }
    }

    /// State and contents of a file, or that there is none.
    fn add_file(&mut self, path: &Path) -> Option<()> {
        match fs::metadata(path) {
            Ok(file) if file.is_file() && file.len() <= LARGEST_FILE => {
                self.add_state(path, &file);
                self.add(&fs::read(path).ok()?);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.add(path.as_os_str().as_bytes());
                self.add(b"missing");
            }
            Ok(_) | Err(_) => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file: &str) -> Option<Vec<PathBuf>> {
        let document: Value = serde_saphyr::from_str(file).expect("YAML");
        let mut named = Vec::new();
        add_named(&document, Path::new("/p"), &mut named)?;
        Some(named)
    }

    #[test]
    fn files_that_compose_reads_are_found() {
        let file = "services: { a: { env_file: [a.env, { path: ../b.env, required: false }], extends: b }, b: { label_file: /l } }";
        assert_eq!(named(file), Some(vec!["/p/a.env".into(), "/p/../b.env".into(), "/l".into()]));
        let anchored = "x-a: &a { env_file: c.env }\nservices: { a: { <<: *a } }";
        assert!(named(anchored).is_some_and(|files| files.contains(&"/p/c.env".into())));
        assert_eq!(named("services: { a: { image: x, environment: { A: \"${B}\" } } }"), Some(Vec::new()));
    }

    #[test]
    fn what_leads_to_unknown_files_has_no_list() {
        for file in [
            "include: [other.yaml]",
            "services: { a: { extends: { file: o.yaml, service: b } } }",
            "services: { a: { env_file: \"${DIR}/a.env\" } }",
            "services: { a: { env_file: ~/a.env } }",
            "services: { a: { env_file: { required: false } } }",
            "services: { a: { develop: { watch: [] } } }",
        ] {
            assert_eq!(named(file), None, "{file}");
        }
    }
}
