//! Variables from `.env` and other environment files.

use std::collections::BTreeMap;

use super::interpolate;
use crate::compose::project::dotenv;

/// The variables of environment files, for the `${NAMES}` of a Compose file. The environment overrides them.
#[derive(Clone, Default)]
pub(super) struct FileVariables(BTreeMap<String, String>);

impl FileVariables {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds the variables of an environment file. Earlier files override later ones.
    pub(super) fn add(&mut self, text: &str, environment: &interpolate::VariableLookup<'_>) {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in dotenv(text) {
            let look = |name: &str| environment(name).or_else(|| found.get(name).cloned());
            let value = if value.contains('$') { interpolate::in_env_file(&value, &look) } else { value };
            found.insert(name, value);
        }
        for (name, value) in found {
            self.0.entry(name).or_insert(value);
        }
    }
}
