//! Restores the aliases of a collection.

use std::collections::{BTreeMap, BTreeSet};

use crate::backup::driver::qdrant::server::client::Client;
use crate::backup::driver::{Action, Step};
use crate::backup::fingerprint::QdrantFingerprint;

/// What a step restored besides the collection.
#[derive(Debug, Default)]
pub(crate) struct StepResult {
    pub(crate) aliases: Vec<String>,
    pub(crate) remarks: Vec<String>,
}

/// The aliases of a collection at the time of the backup. A collection that is restored under another name gets none of
/// them.
pub(crate) fn recorded(recorded: &QdrantFingerprint, step: &Step) -> BTreeSet<String> {
    let leads_here = |(_, collection): &(&String, &String)| **collection == step.from && step.from == step.to;
    recorded.aliases.iter().filter(leads_here).map(|(alias, _)| alias.clone()).collect()
}

/// What to do about one alias.
#[derive(Debug, PartialEq, Eq)]
enum AliasAction {
    Nothing,
    Create,
    Move,
    Leave,
}

fn alias_action(action: Action, leads_to: Option<&str>, collection: &str) -> AliasAction {
    match (leads_to, action) {
        (Some(now), _) if now == collection => AliasAction::Nothing,
        (None, _) => AliasAction::Create,
        (Some(_), Action::Replace | Action::Finish) => AliasAction::Move,
        (Some(_), Action::Create | Action::Keep) => AliasAction::Leave,
    }
}

/// The data is restored already, so an alias that cannot be restored is only a remark.
pub(crate) async fn restore_aliases(
    client: &Client,
    step: &Step,
    aliases: BTreeSet<String>,
    done: &mut StepResult,
) {
    if aliases.is_empty() {
        return;
    }
    let collection = step.to.as_str();
    let now: BTreeMap<String, String> = match client.aliases().await {
        Ok(now) => now.into_iter().collect(),
        Err(error) => {
            done.remarks
                .push(format!("the aliases of collection `{collection}` could not be restored: {error}"));
            return;
        }
    };
    for alias in aliases {
        let leads_to = now.get(&alias).map(String::as_str);
        let changed = match alias_action(step.action, leads_to, collection) {
            AliasAction::Nothing => continue,
            AliasAction::Create => client.create_alias(&alias, collection).await,
            AliasAction::Move => client.rest().move_alias(&alias, collection).await,
            AliasAction::Leave => {
                let leads_to = leads_to.unwrap_or_default();
                done.remarks.push(format!(
                    "alias `{alias}` points to `{collection}` in the backup and to `{leads_to}` on the server; it was left as it is"
                ));
                continue;
            }
        };
        match changed {
            Ok(()) => done.aliases.push(alias),
            Err(error) => done.remarks.push(format!("alias `{alias}` could not be restored: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::driver::qdrant::fixtures;

    fn step(from: &str, to: &str, action: Action) -> Step {
        Step { from: from.into(), to: to.into(), action, count: None }
    }

    #[test]
    fn only_a_collection_under_its_own_name_gets_its_aliases() {
        let server = fixtures::server();
        assert_eq!(
            recorded(&server, &step("receitas", "receitas", Action::Create)),
            BTreeSet::from(["atual".into()])
        );
        assert!(recorded(&server, &step("receitas", "copia", Action::Create)).is_empty());
        assert!(recorded(&server, &step("livros", "livros", Action::Create)).is_empty());
    }

    #[test]
    fn an_alias_that_leads_elsewhere_follows_only_what_was_replaced() {
        assert_eq!(alias_action(Action::Create, None, "a"), AliasAction::Create);
        assert_eq!(alias_action(Action::Create, Some("a"), "a"), AliasAction::Nothing);
        assert_eq!(alias_action(Action::Create, Some("b"), "a"), AliasAction::Leave);
        assert_eq!(alias_action(Action::Replace, Some("b"), "a"), AliasAction::Move);
    }
}
