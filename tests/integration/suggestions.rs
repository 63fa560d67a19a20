//! What we suggest passes our own guard: every command a message prints parses, under both grammars, to what it says.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use safe_compose::cli;
use safe_compose::compose::grammar::Grammar;
use safe_compose::compose::invocation::Invocation;
use safe_compose::suggest::Suggest;

fn every_suggestion(suggest: &Suggest) -> Vec<String> {
    let words: Vec<OsString> = ["-p", "my shop", "down", "-v"].map(OsString::from).to_vec();
    let unprotect: Vec<OsString> = ["-f", "a b.yml", "unprotect", "shop_data"].map(OsString::from).to_vec();
    vec![
        suggest.again("--safe-skip-backup", &words),
        suggest.again("--safe-skip-checks", &words),
        suggest.again("--safe-allow=0123456789ab", &words),
        suggest.restore_latest("qdrant"),
        suggest.restore_schema("qdrant"),
        suggest.restore("qdrant_backup_20260102_030405"),
        suggest.verify(),
        suggest.accept(),
        suggest.backup(),
        suggest.backup_everything(),
        suggest.backups(),
        suggest.backups_of_all(),
        suggest.restore_all(),
        suggest.export_data(),
        suggest.command("backup"),
        suggest.setup(&["remove", "--system"]),
        suggest.protect("shop_data"),
        suggest.again("--safe-allow=0123456789ab", &unprotect),
        suggest.up("qdrant"),
        suggest.in_directory(Path::new("/srv/my shop")).up("qdrant"),
        suggest.scale("qdrant", 2),
        suggest.logs("qdrant"),
        suggest.undo(),
        suggest.upgrade("db"),
        suggest.pull("db"),
        suggest.repository_init(),
        suggest.repository_copy(),
        suggest.repository_check(),
        suggest.verify_in_repository("db_backup_20260102_030405"),
        suggest.repository_backups(),
        suggest.trust(),
        suggest.revoke_trust(),
    ]
}

#[test]
fn a_project_of_several_is_named() {
    let suggest = Suggest::new(OsStr::new("safe-compose"), &["--context".into(), "far".into()]);
    assert_eq!(suggest.for_project("shop").backup(), "safe-compose --context far -p shop backup");
}

#[test]
fn every_suggested_command_is_understood() {
    let suggest = Suggest::new(OsStr::new("safe-compose"), &["-f".into(), "a b.yml".into()]);
    for command in every_suggestion(&suggest) {
        let mut words = shell_words::split(&command).expect("a shell reads it");
        assert_eq!(words.remove(0), "safe-compose");
        let invocation =
            Invocation::parse(words.iter().map(OsString::from).collect()).expect("our flags are right");
        if let Some((globals, word, rest)) = invocation.own_command() {
            assert_eq!(globals, ["-f", "a b.yml"], "{command}");
            cli::parse("safe-compose", word, rest).unwrap_or_else(|e| panic!("{command}: {e}"));
            continue;
        }
        for grammar in [Grammar::V1, Grammar::V2] {
            let reading = invocation.read(grammar);
            assert!(reading.parse_issues.is_empty(), "{command}: {:?}", reading.parse_issues);
            assert!(reading.subcommand.is_some(), "{command}");
        }
    }
}

/// The list above has to grow with what there is to suggest.
#[test]
fn every_kind_of_suggestion_is_tried() {
    let (source, here) = (include_str!("../../src/suggest.rs"), include_str!("suggestions.rs"));
    let kinds: Vec<&str> = source
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("pub fn "))
        .filter_map(|rest| rest.split_once("(&self").map(|(name, _)| name))
        // What was typed is no suggestion.
        .filter(|name| *name != "typed")
        .collect();
    assert!(kinds.len() > 10, "{kinds:?}");
    for kind in kinds {
        assert!(here.contains(&format!("suggest.{kind}(")), "`{kind}` is not tried");
    }
}

/// Commands that stand in a message as they are, between backticks, outside of `suggest`.
fn written_by_hand() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("sources").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source");
            let code: Vec<&str> = text
                .split("#[cfg(test)]")
                .next()
                .into_iter()
                .flat_map(str::lines)
                .map(str::trim)
                .filter(|line| !line.starts_with("//"))
                .collect();
            let code = code.join(" ").replace("\\ ", "");
            let between = code.split('`').skip(1).step_by(2);
            found.extend(
                between
                    .filter(|span| span.starts_with("safe-compose ") || span.starts_with("docker-compose "))
                    .map(|span| (path.display().to_string(), span.to_owned())),
            );
        }
    }
    found
}

#[test]
fn commands_in_messages_are_understood() {
    let all = written_by_hand();
    assert!(all.iter().any(|(_, command)| command == "safe-compose lint --rules"), "{all:?}");
    for (path, command) in all {
        let words = shell_words::split(&command).expect("a shell reads it");
        let words: Vec<OsString> = words[1..].iter().map(OsString::from).collect();
        let invocation = Invocation::parse(words).unwrap_or_else(|e| panic!("{path}: {command}: {e}"));
        let Some((_, word, rest)) = invocation.own_command() else {
            assert!(!invocation.is_guarded(), "{path}: `{command}` belongs into `suggest`");
            continue;
        };
        cli::parse("safe-compose", word, rest).unwrap_or_else(|e| panic!("{path}: {command}: {e}"));
    }
}

#[test]
fn what_allows_and_what_skips_reach_the_guard() {
    let suggest = Suggest::new(OsStr::new("docker-compose"), &[]);
    let parse = |command: String| {
        let words = shell_words::split(&command).expect("a shell reads it");
        Invocation::parse(words[1..].iter().map(OsString::from).collect()).expect("our flags are right")
    };
    let words: Vec<OsString> = ["down", "-v"].map(OsString::from).to_vec();
    let allowed = parse(suggest.again("--safe-allow=0123456789ab", &words));
    assert_eq!(allowed.safe().allow.as_deref(), Some("0123456789ab"));
    assert_eq!(allowed.compose_words(), words);
    assert!(allowed.is_guarded());
    assert!(parse(suggest.again("--safe-skip-backup", &words)).safe().skip_backup);
}
