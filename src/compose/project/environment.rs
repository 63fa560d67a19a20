//! The variables that a project's files and Compose itself see: the process's own, then those of the `.env` files.
//!
//! V2's order is from `cli/options.go` of compose-go and `setEnvWithDotEnv` of Compose 2.40.3, V1's from
//! `config/environment.py`. A file that Compose rejects defines nothing here; Compose then stops with its own message.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::compose::dotenv::{Variables, parse};
use crate::compose::grammar::Grammar;
use crate::compose::invocation::Globals;
use crate::env::{self, Env};

/// Which files are read for variables, and by which rules.
pub(super) struct EnvironmentReader<'a> {
    pub(super) grammar: Grammar,
    pub(super) globals: &'a Globals,
    pub(super) env: &'a Env,
}

/// What is known of the environment so far. The process's own variables always win, and a variable that a file has
/// defined is not replaced by a later one.
#[derive(Debug, Default)]
pub(super) struct ProjectEnvironment {
    variables: Variables,
}

impl EnvironmentReader<'_> {
    /// Adds the variables of the `.env` file in a directory, or of the files that were named instead.
    pub(super) fn read(&self, directory: &Path, into: &mut ProjectEnvironment) {
        let files = self.files(directory);
        if self.grammar == Grammar::V2 {
            // Compose 2.40 puts these into its own environment before it reads the file again.
            let mut settings = self.parse(&files, into);
            settings.retain(|name, _| name.starts_with("COMPOSE_"));
            into.add(settings);
        }
        let found = self.parse(&files, into);
        into.add(found);
    }

    /// The value that Compose sees. An empty one counts as not set, as for every variable of Compose's own.
    pub(super) fn setting(&self, environment: &ProjectEnvironment, name: &str) -> Option<String> {
        self.lookup(environment, name).filter(|value| !value.is_empty())
    }

    /// The files that variables are read from.
    pub(super) fn files(&self, directory: &Path) -> Vec<PathBuf> {
        let from_environment = || {
            let list = self.env.compose_env_files.clone().filter(|_| self.grammar == Grammar::V2)?;
            Some(list.to_string_lossy().split(',').map(OsString::from).collect::<Vec<_>>())
        };
        let named = if self.globals.env_files.is_empty() {
            from_environment()
        } else {
            Some(self.globals.env_files.clone())
        };
        match (self.grammar, named) {
            // V1 takes one file: the last.
            (Grammar::V1, Some(named)) => {
                named.last().map(|file| self.env.absolute(file)).into_iter().collect()
            }
            (Grammar::V2, Some(named)) => named.iter().map(|file| self.env.absolute(file)).collect(),
            (Grammar::V2, None) if self.env.compose_disable_env_file => Vec::new(),
            (Grammar::V1 | Grammar::V2, None) => vec![directory.join(".env")],
        }
    }

    fn parse(&self, files: &[PathBuf], environment: &ProjectEnvironment) -> Variables {
        let mut found = Variables::new();
        for file in files {
            let text = String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned();
            let lookup = |name: &str| self.lookup(environment, name);
            match parse(self.grammar, &text, &lookup, &found) {
                Ok(variables) => found = variables,
                Err(error) => {
                    tracing::debug!(file = %file.display(), %error, "Compose rejects this file");
                    return BTreeMap::new();
                }
            }
        }
        found
    }

    fn lookup(&self, environment: &ProjectEnvironment, name: &str) -> Option<String> {
        self.process(name).or_else(|| environment.variables.get(name).cloned())
    }

    fn process(&self, name: &str) -> Option<String> {
        let env = self.env;
        let lossy = |value: &OsString| value.to_string_lossy().into_owned();
        match name {
            "COMPOSE_FILE" => env.compose_file.as_ref().map(lossy),
            "COMPOSE_PATH_SEPARATOR" => env.compose_path_separator.clone(),
            "COMPOSE_PROJECT_NAME" => env.compose_project_name.clone(),
            "COMPOSE_PROFILES" => env.compose_profiles.clone(),
            "COMPOSE_API_VERSION" => env.compose_api_version.clone(),
            name => env::variable(name),
        }
    }
}

impl ProjectEnvironment {
    fn add(&mut self, found: Variables) {
        for (name, value) in found {
            self.variables.entry(name).or_insert(value);
        }
    }
}
