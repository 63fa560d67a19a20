//! What we suggest passes our own guard: every command a message prints parses, under both grammars, to what it says.

use std::ffi::{OsStr, OsString};

use clap::Parser as _;
use safe_compose::cli::Own;
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
        suggest.prove("qdrant_backup_20260102_030405"),
        suggest.verify(),
        suggest.accept(),
        suggest.backup(),
        suggest.backups(),
        suggest.protect("shop_data"),
        suggest.again("--safe-allow=0123456789ab", &unprotect),
        suggest.up("qdrant"),
        suggest.stop("qdrant"),
        suggest.logs("qdrant"),
    ]
}

#[test]
fn every_suggested_command_is_understood() {
    let suggest = Suggest::new(OsStr::new("safe-compose"), &["-f".into(), "a b.yml".into()]);
    for command in every_suggestion(&suggest) {
        let mut words = shell_words::split(&command).expect("a shell reads it");
        assert_eq!(words.remove(0), "safe-compose");
        let invocation =
            Invocation::parse(words.iter().map(OsString::from).collect()).expect("our flags are right");
        if let Some((globals, word, rest)) = invocation.own_word() {
            assert_eq!(globals, ["-f", "a b.yml"], "{command}");
            Own::try_parse_from(std::iter::once(word).chain(rest))
                .unwrap_or_else(|e| panic!("{command}: {e}"));
            continue;
        }
        for grammar in [Grammar::V1, Grammar::V2] {
            let reading = invocation.read(grammar);
            assert!(reading.doubts.is_empty(), "{command}: {:?}", reading.doubts);
            assert!(reading.subcommand.is_some(), "{command}");
        }
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
    assert!(allowed.is_watched());
    assert!(parse(suggest.again("--safe-skip-backup", &words)).safe().skip_backup);
}
