//! Known findings of an existing project, so that only new ones are reported.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::finding::LintFinding;
use crate::fs;

/// The version of the format. Files of a newer version are not read.
const VERSION: u32 = 1;

/// Known findings, without their lines, so that other changes of a file do not report them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintBaseline {
    version: u32,
    findings: Vec<KnownFinding>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownFinding {
    file: String,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    service: Option<String>,
    message: String,
    count: usize,
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LintBaselineError {
    #[error("cannot read it")]
    Read(#[source] std::io::Error),
    #[error("it is not a lint baseline")]
    Parse(#[source] serde_json::Error),
    #[error("its format version is {0}; this version of safe-compose reads versions up to {VERSION}")]
    Newer(u32),
    #[error("cannot write it")]
    Write(#[source] anyhow::Error),
}

impl LintBaseline {
    /// The findings, counted.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a LintFinding>) -> Self {
        let mut counts: BTreeMap<(String, String, Option<String>, String), usize> = BTreeMap::new();
        for finding in findings {
            *counts.entry(key(finding)).or_default() += 1;
        }
        let findings = counts
            .into_iter()
            .map(|((file, rule, service, message), count)| KnownFinding {
                file,
                rule,
                service,
                message,
                count,
            })
            .collect();
        Self { version: VERSION, findings }
    }

    pub fn read(path: &Path) -> Result<Self, LintBaselineError> {
        let bytes = std::fs::read(path).map_err(LintBaselineError::Read)?;
        let baseline: Self = serde_json::from_slice(&bytes).map_err(LintBaselineError::Parse)?;
        if baseline.version > VERSION {
            return Err(LintBaselineError::Newer(baseline.version));
        }
        Ok(baseline)
    }

    pub fn write(&self, path: &Path) -> Result<(), LintBaselineError> {
        let mut text = serde_json::to_string_pretty(self).map_err(LintBaselineError::Parse)?;
        text.push('\n');
        fs::write_atomically(path, text.as_bytes(), 0o644)
            .map_err(|error| LintBaselineError::Write(error.into()))
    }

    /// Removes known findings, each as often as it is known.
    pub fn filter(&self, findings: Vec<LintFinding>) -> Vec<LintFinding> {
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

fn key(finding: &LintFinding) -> (String, String, Option<String>, String) {
    let file = finding.location.file.to_string_lossy();
    let file = file.strip_prefix("./").unwrap_or(&file).to_owned();
    (file, finding.rule.to_owned(), finding.service.clone(), finding.message.clone())
}
