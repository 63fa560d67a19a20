//! Labels that other backup tools read from services: those of offen/docker-volume-backup and of backupbot.
//!
//! Where a label fits, it means the same here. The others are reported by `lint`, with the reason.

use std::collections::BTreeMap;

/// What a label of another tool means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolLabel {
    /// The service is stopped while its files are copied.
    Stops,
    /// A command runs in the containers of the service.
    Command(LabelCommand),
    /// It asks for what is done anyway.
    Redundant,
    /// It has no effect, for this reason: `it …`.
    WithoutEffect(&'static str),
}

/// A command that a label sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelCommand {
    pub label: String,
    pub phase: LabelPhase,
    /// As it is written.
    pub value: String,
    pub argv: Vec<String>,
}

/// When a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelPhase {
    /// Before the data of the service is backed up, and before anything is stopped for that.
    Before,
    After,
}

/// What the labels of one service mean here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolLabels {
    pub stops: bool,
    pub commands: Vec<LabelCommand>,
}

const OFFEN: &str = "docker-volume-backup.";
const BACKUPBOT: &str = "backupbot.";

/// Whether a label belongs to one of the tools.
pub fn is_tool_label(name: &str) -> bool {
    name.starts_with(OFFEN) || name.starts_with(BACKUPBOT)
}

impl ToolLabels {
    /// Reads the labels of a service.
    pub fn of(labels: &BTreeMap<String, String>) -> Self {
        let mut read = Self::default();
        for (name, value) in labels {
            match meaning(name, value) {
                ToolLabel::Stops => read.stops = true,
                // As another user it might leave files that the service cannot use.
                ToolLabel::Command(command) if !labels.contains_key(&user_label(name)) => {
                    read.commands.push(command);
                }
                ToolLabel::Command(_) | ToolLabel::Redundant | ToolLabel::WithoutEffect(_) => {}
            }
        }
        read
    }
}

fn user_label(command: &str) -> String {
    format!("{command}.user")
}

/// What one label means.
pub fn meaning(name: &str, value: &str) -> ToolLabel {
    if let Some(name_of_tool) = name.strip_prefix(OFFEN) {
        offen(name, name_of_tool, value)
    } else if let Some(name_of_tool) = name.strip_prefix(BACKUPBOT) {
        backupbot(name, name_of_tool, value)
    } else {
        ToolLabel::Redundant
    }
}

fn offen(label: &str, name: &str, value: &str) -> ToolLabel {
    match name {
        // Any other value is the name of a schedule.
        "stop-during-backup" if value == "false" || value.is_empty() => ToolLabel::Redundant,
        "stop-during-backup" => ToolLabel::Stops,
        "stop-during-backup-no-restart" => {
            ToolLabel::WithoutEffect("a service that was stopped for a backup is always started again")
        }
        "archive-pre" | "exec-pre" => words(label, LabelPhase::Before, value),
        "archive-post" | "copy-post" | "exec-post" => words(label, LabelPhase::After, value),
        // Which commands run in which schedule.
        "exec-label" => ToolLabel::Redundant,
        "process-pre" | "process-post" | "copy-pre" | "prune-pre" | "prune-post" => ToolLabel::WithoutEffect(
            "there is no such step: only `archive-pre`, `archive-post` and `copy-post` fit",
        ),
        _ if name.strip_suffix(".user").is_some() => {
            ToolLabel::WithoutEffect("commands run as the user of the container, so this command is not run")
        }
        _ => ToolLabel::WithoutEffect("it is unknown"),
    }
}

/// A command that is split into words, without a shell.
fn words(label: &str, phase: LabelPhase, value: &str) -> ToolLabel {
    if value.contains("COMMAND_RUNTIME_") {
        return ToolLabel::WithoutEffect("the archive is not in the container, so this command is not run");
    }
    match shell_words::split(value) {
        Ok(argv) if !argv.is_empty() => {
            ToolLabel::Command(LabelCommand { label: label.to_owned(), phase, value: value.to_owned(), argv })
        }
        Ok(_) => ToolLabel::Redundant,
        Err(_) => ToolLabel::WithoutEffect("a quotation mark in it is not closed"),
    }
}

fn backupbot(label: &str, name: &str, value: &str) -> ToolLabel {
    match name {
        "backup" if value == "false" => {
            ToolLabel::WithoutEffect("data is backed up unless it is `disposable`")
        }
        "backup" => ToolLabel::Redundant,
        "backup.pre-hook" => in_shell(label, LabelPhase::Before, value),
        "backup.post-hook" => in_shell(label, LabelPhase::After, value),
        "restore.pre-hook" | "restore.post-hook" => ToolLabel::WithoutEffect("no commands run for a restore"),
        "backup.path" => ToolLabel::WithoutEffect("volumes are backed up completely"),
        _ if name.starts_with("backup.volumes.") && name.strip_suffix(".path").is_some() => {
            ToolLabel::WithoutEffect("volumes are backed up completely")
        }
        _ if name.starts_with("backup.volumes.") && value == "false" => {
            ToolLabel::WithoutEffect("data is backed up unless it is `disposable`")
        }
        _ if name.starts_with("backup.volumes.") => ToolLabel::Redundant,
        _ => ToolLabel::WithoutEffect("it is unknown"),
    }
}

/// Runs its argument in Bash, for which these commands are written, or else in the shell that there is. A pipe fails if any
/// of its programs does, where the shell can tell.
const IN_SHELL: &str = "command -v bash >/dev/null 2>&1 && exec bash -o pipefail -c \"$1\"; \
                        (set -o pipefail) 2>/dev/null && set -o pipefail; eval \"$1\"";

/// A command for a shell.
fn in_shell(label: &str, phase: LabelPhase, value: &str) -> ToolLabel {
    if value.trim().is_empty() {
        return ToolLabel::Redundant;
    }
    let argv = ["sh", "-c", IN_SHELL, "sh", value].map(str::to_owned).to_vec();
    ToolLabel::Command(LabelCommand { label: label.to_owned(), phase, value: value.to_owned(), argv })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[(&str, &str)]) -> ToolLabels {
        ToolLabels::of(&labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    fn lines(labels: &ToolLabels) -> Vec<(LabelPhase, String)> {
        labels.commands.iter().map(|command| (command.phase, command.argv.join("|"))).collect()
    }

    #[test]
    fn commands_of_offen_are_words() {
        let labels = read(&[
            ("docker-volume-backup.archive-pre", "/bin/sh -c 'pg_dump -U x > /dump/x.sql'"),
            ("docker-volume-backup.copy-post", "rm -f \"/dump/x y\""),
            ("docker-volume-backup.exec-label", "nightly"),
        ]);
        let expected = [
            (LabelPhase::Before, "/bin/sh|-c|pg_dump -U x > /dump/x.sql".to_owned()),
            (LabelPhase::After, "rm|-f|/dump/x y".to_owned()),
        ];
        assert_eq!(lines(&labels), expected);
        assert!(!labels.stops);
    }

    #[test]
    fn commands_of_backupbot_are_for_a_shell() {
        let labels = read(&[
            ("backupbot.backup", "true"),
            ("backupbot.backup.pre-hook", "dump | gzip > /x"),
            ("backupbot.backup.post-hook", " "),
        ]);
        assert_eq!(labels.commands.len(), 1);
        let argv = &labels.commands[0].argv;
        assert_eq!((&argv[0], &argv[4]), (&"sh".to_owned(), &"dump | gzip > /x".to_owned()));
    }

    #[test]
    fn a_schedule_stops_too() {
        for (value, stops) in [("true", true), ("nightly", true), ("false", false), ("", false)] {
            assert_eq!(read(&[("docker-volume-backup.stop-during-backup", value)]).stops, stops, "{value}");
        }
    }

    #[test]
    fn what_does_not_fit_runs_nothing() {
        for labels in [
            &[("docker-volume-backup.process-pre", "x")][..],
            &[("docker-volume-backup.archive-pre", "x"), ("docker-volume-backup.archive-pre.user", "root")],
            &[("docker-volume-backup.copy-post", "sh -c 'rsync $COMMAND_RUNTIME_ARCHIVE_FILEPATH y'")],
            &[("docker-volume-backup.archive-pre", "sh -c 'x")],
            &[("backupbot.restore.pre-hook", "x")],
            &[("com.example.archive-pre", "x")],
        ] {
            assert_eq!(read(labels), ToolLabels::default(), "{labels:?}");
        }
        let reports = |name: &str, value: &str| matches!(meaning(name, value), ToolLabel::WithoutEffect(_));
        assert!(reports("docker-volume-backup.archive-pre.user", "root"));
        assert!(reports("docker-volume-backup.archive-per", "x"));
        assert!(reports("backupbot.backup.volumes.data", "false"));
        assert!(!reports("backupbot.backup.volumes.data", "true"));
    }
}
