//! Which settings under `x-safe-compose` run programs or contact hosts.
//!
//! They are read from the file as Compose prints it, not from the parsed settings: a key that this version does not know
//! counts, too.

use std::path::Path;

use serde_json::Value;

use super::acting::{ActingSetting, ActingSettings, SettingAction};

/// The sections with settings that act, by their path. Everything below them has to be agreed to.
const SECTIONS: &[&[&str]] = &[&["backup", "repository"], &["hooks"], &["notify"]];

impl ActingSettings {
    /// The settings that act, of the value of `x-safe-compose` of the project in this directory.
    pub fn of_file(settings: Option<&Value>, directory: &Path) -> Self {
        let mut acting = Self::default();
        for path in SECTIONS {
            let section =
                settings.and_then(|settings| path.iter().try_fold(settings, |value, key| value.get(key)));
            if let Some(section) = section {
                add(&mut acting, (&path.join("."), section), directory);
            }
        }
        acting
    }
}

/// Adds each entry of a section by itself, so that a change can be named.
fn add(acting: &mut ActingSettings, (label, section): (&str, &Value), directory: &Path) {
    let mut entry = |label: String, value: &Value| {
        let action = action(&label);
        acting.add(ActingSetting::new(label, action, value.clone(), directory));
    };
    match section {
        Value::Null => {}
        Value::Object(entries) => {
            for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                entry(format!("{label}.{key}"), value);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                entry(format!("{label}[{number}]"), value);
            }
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) => entry(label.to_owned(), section),
    }
}

/// What a setting does, by its label.
fn action(label: &str) -> SettingAction {
    if label.starts_with("hooks") || label.ends_with("command") {
        SettingAction::Runs
    } else if label.starts_with("notify") || label.ends_with("url") || label == "backup.repository" {
        SettingAction::Contacts
    } else {
        SettingAction::Sets
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(settings: &Value) -> Vec<(String, SettingAction)> {
        let acting = ActingSettings::of_file(Some(settings), Path::new("/nonexistent"));
        acting.iter().map(|setting| (setting.label().to_owned(), setting.action())).collect()
    }

    #[test]
    fn every_entry_of_the_sections_counts_and_nothing_else() {
        let settings = json!({
            "backup": {
                "directory": "./backups",
                "repository": { "url": "sftp:me@host:/x", "password_command": ["pass", "x"], "newer": 1 },
            },
            "guard": { "destroy": "refuse" },
            "hooks": { "on_loss": ["./report"], "before_backup": null },
            "notify": [{ "url": "https://ntfy.example/x" }],
        });
        let expected = [
            ("backup.repository.newer", SettingAction::Sets),
            ("backup.repository.password_command", SettingAction::Runs),
            ("backup.repository.url", SettingAction::Contacts),
            ("hooks.on_loss", SettingAction::Runs),
            ("notify[0]", SettingAction::Contacts),
        ];
        assert_eq!(labels(&settings), expected.map(|(label, action)| (label.to_owned(), action)));
        for unused in [json!({}), json!({ "hooks": {} }), json!({ "hooks": null }), json!({ "notify": [] })] {
            assert!(labels(&unused).is_empty(), "{unused}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_counts() {
        assert_eq!(labels(&json!({ "hooks": "x" })).len(), 1);
        assert_eq!(
            labels(&json!({ "backup": { "repository": "s3:x" } })),
            [("backup.repository".to_owned(), SettingAction::Contacts)]
        );
    }
}
