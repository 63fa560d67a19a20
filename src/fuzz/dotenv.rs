//! `.env` files, as each Compose reads them, and `env_file` with `format: raw`.

use crate::compose::dotenv::{self, Variables};
use crate::compose::grammar::Grammar;

/// A file of this length cannot define more than this.
const MOST: usize = 64 * 1024 * 1024;

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let environment = |name: &str| (name == "HOST").then(|| "value".to_owned());
    let known = Variables::from([("KNOWN".to_owned(), "known".to_owned())]);
    let lines = text.split(['\n', '\r']).count();
    for read in [
        dotenv::parse(Grammar::V1, text, &environment, &known),
        dotenv::parse(Grammar::V2, text, &environment, &known),
        dotenv::parse_raw(text, &environment),
    ] {
        match read {
            Ok(variables) => {
                let size: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
                assert!(size <= MOST, "{size} bytes of variables in a file of {} bytes", text.len());
            }
            Err(error) => assert!((1..=lines).contains(&error.line), "line {} of {lines}", error.line),
        }
    }
}
