//! Variables from `.env` and other environment files.

use std::collections::BTreeMap;

use super::interpolate;
use crate::compose::dotenv::{DotenvError, parse};
use crate::compose::grammar::Grammar;

/// The variables of environment files, for the `${NAMES}` of a Compose file. The environment overrides them.
#[derive(Clone, Default)]
pub(super) struct FileVariables(BTreeMap<String, String>);

impl FileVariables {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds the variables of an environment file. Earlier files override later ones.
    pub(super) fn add(
        &mut self,
        text: &str,
        environment: &interpolate::VariableLookup<'_>,
    ) -> Result<(), DotenvError> {
        for (name, value) in parse(Grammar::V2, text, environment, &self.0)? {
            self.0.entry(name).or_insert(value);
        }
        Ok(())
    }
}
