//! What to restore, the plan of a restore, and its result.

/// What to restore, and how.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Only these collections; all of them if empty.
    pub collections: Vec<String>,
    /// Restore under this name; for a single collection only.
    pub rename: Option<String>,
    /// Only the configuration: collections are created empty.
    pub schema_only: bool,
    /// Leave what exists as it is.
    pub skip_existing: bool,
}

impl RestoreOptions {
    /// Fails if a requested collection is unknown. `of` names what has the `known` ones.
    pub(super) fn ensure_known(&self, of: &str, known: &[&str]) -> anyhow::Result<()> {
        let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let list = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        match self.collections.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => anyhow::bail!("{of} has no collection `{name}`; it has {list}"),
            None => Ok(()),
        }
    }

    /// Fails if a new name is given, and cannot be given to so many collections.
    pub(super) fn ensure_nameable(&self, chosen: usize) -> anyhow::Result<()> {
        let Some(rename) = &self.rename else { return Ok(()) };
        anyhow::ensure!(!rename.is_empty(), "the new name is empty");
        anyhow::ensure!(
            chosen == 1,
            "only a single collection can be restored under another name, and {chosen} were selected"
        );
        Ok(())
    }
}

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePlan {
    pub steps: Vec<Step>,
}

impl RestorePlan {
    /// Whether existing data would be replaced, and so has to be backed up first.
    pub fn replaces(&self) -> bool {
        self.steps.iter().any(|step| step.action == Action::Replace)
    }
}

/// One collection, or one directory, of a [`RestorePlan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name in the backup.
    pub from: String,
    /// The name to restore it under.
    pub to: String,
    pub action: Action,
    /// Points, or files, in the backup.
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
