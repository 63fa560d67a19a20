//! Findings that were there before: an old project begins with them and stops adding to them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::fs;

/// The version of the format; a file of a newer one is not read.
const VERSION: u32 = 1;

/// Known findings. Lines are not part of it, so that other changes of a file do not bring them back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    findings: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    file: String,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    service: Option<String>,
    message: String,
    count: usize,
}

/// A baseline that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error("cannot be read")]
    Read(#[source] std::io::Error),
    #[error("is not a baseline")]
    Parse(#[source] serde_json::Error),
    #[error("has version {0}, and only {VERSION} is known")]
    Newer(u32),
    #[error("cannot be written")]
    Write(#[source] anyhow::Error),
}

impl Baseline {
    /// All of these, counted.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut counts: BTreeMap<(String, String, Option<String>, String), usize> = BTreeMap::new();
        for finding in findings {
            *counts.entry(key(finding)).or_default() += 1;
        }
        let findings = counts
            .into_iter()
            .map(|((file, rule, service, message), count)| Known { file, rule, service, message, count })
            .collect();
        Self { version: VERSION, findings }
    }

    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let bytes = std::fs::read(path).map_err(BaselineError::Read)?;
        let baseline: Self = serde_json::from_slice(&bytes).map_err(BaselineError::Parse)?;
        if baseline.version > VERSION {
            return Err(BaselineError::Newer(baseline.version));
        }
        Ok(baseline)
    }

    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let mut text = serde_json::to_string_pretty(self).map_err(BaselineError::Parse)?;
        text.push('\n');
        fs::write_atomically(path, text.as_bytes(), 0o644).map_err(|error| BaselineError::Write(error.into()))
    }

    /// Leaves out what is known, as often as it is known.
    pub fn filter(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let mut left: BTreeMap<_, usize> = self
            .findings
            .iter()
            .map(|known| {
                let key =
                    (known.file.clone(), known.rule.clone(), known.service.clone(), known.message.clone());
                (key, known.count)
            })
            .collect();
        findings
            .into_iter()
            .filter(|finding| match left.get_mut(&key(finding)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                Some(_) | None => true,
            })
            .collect()
    }
}

fn key(finding: &Finding) -> (String, String, Option<String>, String) {
    let file = finding.place.file.to_string_lossy();
    let file = file.strip_prefix("./").unwrap_or(&file).to_owned();
    (file, finding.rule.to_owned(), finding.service.clone(), finding.message.clone())
}
