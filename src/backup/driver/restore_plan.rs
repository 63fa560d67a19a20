//! What to restore, the plan of a restore, and its result.

use std::collections::BTreeMap;

/// What to restore, and how.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Only these collections; all of them if empty.
    pub collections: Vec<String>,
    /// Only these databases; all of them if empty.
    pub databases: Vec<String>,
    /// Restore under this name; for a single collection or database only.
    pub rename: Option<String>,
    /// Only the configuration: collections are created empty.
    pub schema_only: bool,
    /// Leave what exists as it is.
    pub skip_existing: bool,
    /// Only plan, with what can be read without a temporary container.
    pub dry_run: bool,
}

impl RestoreOptions {
    /// Fails if a requested collection is unknown. `of` names what has the `known` ones.
    pub(super) fn ensure_known(&self, of: &str, known: &[&str]) -> anyhow::Result<()> {
        match self.collections.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => anyhow::bail!("{of} has no collection `{name}`; it has {}", list(known)),
            None => Ok(()),
        }
    }

    /// Fails if a requested database is unknown. `of` names what has the `known` ones.
    pub(super) fn ensure_known_databases(&self, of: &str, known: &[&str]) -> anyhow::Result<()> {
        match self.databases.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => anyhow::bail!("`{of}` has no database `{name}`; it has {}", list(known)),
            None => Ok(()),
        }
    }

    /// Fails if databases are requested.
    pub(super) fn ensure_no_databases(&self, of: &str) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.databases.is_empty(),
            "`{of}` is no backup of databases, so none can be selected"
        );
        Ok(())
    }

    /// Fails if a new name is given, and cannot be given to so many collections.
    pub(super) fn ensure_nameable(&self, chosen: usize) -> anyhow::Result<()> {
        let Some(rename) = &self.rename else { return Ok(()) };
        anyhow::ensure!(!rename.is_empty(), "the new name is empty");
        anyhow::ensure!(
            chosen == 1,
            "only a single collection or database can be restored under another name, and {chosen} were selected"
        );
        Ok(())
    }
}

fn list(names: &[&str]) -> String {
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

/// What a restore would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestorePlan {
    pub steps: Vec<Step>,
    /// How much had been written to the existing databases, by the server's counters, before they are backed up.
    pub written: BTreeMap<String, u64>,
}

impl RestorePlan {
    /// Whether existing data would be replaced, and so has to be backed up first.
    pub fn replaces(&self) -> bool {
        self.steps.iter().any(|step| step.action == Action::Replace)
    }
}

/// One collection, database or directory of a [`RestorePlan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name in the backup.
    pub from: String,
    /// The name to restore it under.
    pub to: String,
    pub action: Action,
    /// Points, rows or files in the backup.
    pub count: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing has that name.
    Create,
    /// Replace what has that name.
    Replace,
    /// Leave what has that name as it is.
    Keep,
    /// An earlier restore of this backup deleted what had that name, and was interrupted before it was replaced.
    Finish,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub steps: Vec<Step>,
    pub aliases: Vec<String>,
    pub remarks: Vec<String>,
}
