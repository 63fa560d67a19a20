//! Variables from `.env` and other environment files.

use std::collections::BTreeMap;

use super::interpolate;
use crate::compose::dotenv::parse;
use crate::compose::grammar::Grammar;

/// The variables of environment files, for the `${NAMES}` of a Compose file. The environment overrides them.
#[derive(Clone, Default)]
pub(super) struct FileVariables(BTreeMap<String, String>);

impl FileVariables {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds the variables of an environment file. Earlier files override later ones.
    pub(super) fn add(&mut self, text: &str, environment: &interpolate::VariableLookup<'_>) {
        // Compose stops at a file that it cannot read, so nothing of it counts.
        let found = parse(Grammar::V2, text, environment, &self.0).unwrap_or_default();
        for (name, value) in found {
            self.0.entry(name).or_insert(value);
        }
    }
}
