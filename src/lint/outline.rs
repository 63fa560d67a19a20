//! What a project's files declare, without asking Compose.

use std::collections::BTreeSet;

use super::loader::{LintTarget, as_pairs, load};
use super::project::{LintProject, LintService};
use crate::tool_labels::is_tool_label;

/// What the files of a project declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The names of the services, with every profile.
    pub services: BTreeSet<String>,
    /// Whether there is an `x-safe-compose`, or a label of another backup tool.
    pub has_settings: bool,
}

/// Reads the files of a project. `None` if anything in them is wrong or could not be read: then only Compose knows what
/// they mean. `environment` overrides the variables of `.env`.
pub fn outline(target: &LintTarget, environment: &dyn Fn(&str) -> Option<String>) -> Option<Outline> {
    let (project, problems) = LintProject::read(load(target, environment), target.complete);
    let is_sound = problems.is_empty() && !project.partial;
    is_sound.then(|| Outline {
        services: project.services.iter().map(|service| service.name.as_str().to_owned()).collect(),
        has_settings: project.settings().is_some() || project.services.iter().any(has_tool_labels),
    })
}

fn has_tool_labels(service: &LintService) -> bool {
    let of_deploy = service.node.get("deploy").and_then(|deploy| deploy.get("labels"));
    let labels = [service.node.get("labels"), of_deploy].into_iter().flatten();
    labels.flat_map(as_pairs).any(|(name, _)| is_tool_label(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Outline> {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("compose.yaml");
        std::fs::write(&file, text).expect("written");
        let target = LintTarget {
            files: vec![file],
            directory: directory.path().to_owned(),
            env_files: Vec::new(),
            stdin: None,
            complete: true,
        };
        outline(&target, &|_| None)
    }

    #[test]
    fn services_of_every_profile_are_listed() {
        let read = read(
            "services:\n  db: {image: postgres:17}\n  tool: {image: busybox, profiles: [tools]}\nx-safe-compose: {}\n",
        );
        let services = ["db", "tool"].map(str::to_owned).into();
        assert_eq!(read, Some(Outline { services, has_settings: true }));
    }

    #[test]
    fn a_label_of_another_tool_is_a_setting() {
        let labelled = |labels: &str| {
            read(&format!("services:\n  db:\n    image: postgres:17\n    {labels}\n"))
                .expect("sound")
                .has_settings
        };
        assert!(labelled("labels: [docker-volume-backup.stop-during-backup=true]"));
        assert!(labelled("labels: {backupbot.backup: \"true\"}"));
        assert!(labelled("deploy: {labels: {backupbot.backup: \"true\"}}"));
        assert!(!labelled("labels: {com.example: \"true\"}"));
    }

    #[test]
    fn what_compose_may_refuse_has_no_outline() {
        for text in ["services: [", "services:\n  db: {imaje: postgres}\n", "services:\n  db: {}\n"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
