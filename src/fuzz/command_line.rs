//! Command lines: the words are separated by NUL, the one byte that no word has.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Invocation, read_engine};

pub(super) fn run(bytes: &[u8]) {
    let words: Vec<OsString> =
        bytes.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect();
    read_engine(&words);
    for caller in [Caller::Person, Caller::Docker] {
        check(caller, &words);
    }
}

fn is_ours(word: &OsString) -> bool {
    word.as_bytes().starts_with(b"--safe-")
}

/// Compose gets back every byte that is not ours, and both grammars can be asked anything about the rest.
fn check(caller: Caller, words: &[OsString]) {
    let has_ours = words.iter().any(is_ours);
    let Ok(invocation) = Invocation::parse_from(caller, words.to_vec()) else {
        assert!(has_ours, "only our own flags are refused");
        return;
    };
    let typed = match words {
        [first, rest @ ..] if caller == Caller::Person && first == "compose" => rest,
        words => words,
    };
    let handed = invocation.compose_words();
    if has_ours {
        let mut rest = typed.iter();
        let in_order = handed.iter().all(|word| rest.any(|one| one == word));
        assert!(in_order, "of {typed:?} is left {handed:?}");
    } else {
        assert_eq!(handed, typed);
    }
    for grammar in [Grammar::V1, Grammar::V2] {
        let reading = invocation.read(grammar);
        let _ = (reading.wants_help(), reading.may_act(), reading.is_set("volumes"), reading.value("scale"));
    }
    let _ = (invocation.is_guarded(), invocation.docker_config());
    if let Some((before, own, after)) = invocation.own_command() {
        assert_eq!([before, vec![own], after].concat(), invocation.behind_compose());
    }
}
