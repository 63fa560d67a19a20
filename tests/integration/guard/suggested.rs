//! What we tell people to run, run through the guard: nothing that we suggest is then asked about, and the line with the
//! token does what was asked about and nothing else.

use std::ffi::{OsStr, OsString};

use safe_compose::policy::{Decision, DecisionInput, GuardMode, Refusal, decide};
use safe_compose::suggest::Suggest;

use super::*;

fn suggest() -> Suggest {
    Suggest::new(OsStr::new("safe-compose"), &["-p".into(), "shop".into()])
}

fn parsed(command: &str) -> Invocation {
    let words = shell_words::split(command).expect("a shell reads it");
    Invocation::parse(words[1..].iter().map(OsString::from).collect()).expect("our flags are right")
}

fn judged(shop: &Shop, grammar: Grammar, invocation: &Invocation) -> Assessment {
    let words: Vec<String> =
        invocation.compose_words().iter().map(|word| word.to_str().expect("text").to_owned()).collect();
    shop.assess(grammar, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_is_suggested_is_not_asked_about() {
    let suggest = suggest();
    for command in [suggest.up("db"), suggest.logs("db")] {
        let invocation = parsed(&command);
        assert!(invocation.own_command().is_none(), "{command} is Compose's");
        for grammar in [Grammar::V1, Grammar::V2] {
            let plan = judged(&Shop::new(), grammar, &invocation);
            assert!(plan.worst() <= Effect::Interrupt, "{grammar}: {command}: {plan:?}");
        }
    }
}

fn input<'a>(plan: &'a Assessment, allow: Option<&'a str>) -> DecisionInput<'a> {
    DecisionInput {
        plan,
        destroy: GuardMode::Confirm,
        orphan: GuardMode::Confirm,
        terminal: false,
        allow,
        now: jiff::Timestamp::now(),
    }
}

/// Every command that is refused is suggested again with its token, and goes through then.
#[test]
fn the_line_with_the_token_opens_what_was_refused() {
    let bare = || Shop::new().with_bare_db();
    let mut diverged = Shop::new();
    diverged.volumes[0].labels.insert(HASH.into(), "another".into());
    for (shop, line) in [
        (Shop::new(), "down -v"),
        (Shop::new(), "-p shop down --volumes -t 0 -- db"),
        (Shop::new(), "--all-resources down -v"),
        (diverged, "up -d -y"),
        (bare(), "down"),
        (bare(), "rm -fsv db"),
        (bare(), "up -d --force-recreate"),
        (bare(), "wait --down-project web"),
        (Shop::new(), "cp x db:/qdrant/storage"),
    ] {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let refused = plan(&shop, line);
        let Decision::Refuse(Refusal::NoTerminal(token)) = decide(&input(&refused, None)) else {
            panic!("`{line}` is not refused: {refused:?}");
        };
        let again = parsed(&suggest().again(&format!("--safe-allow={token}"), &words));
        assert_eq!(again.compose_words(), words, "`{line}` is suggested as it was typed");
        let allowed = judged(&shop, Grammar::V2, &again);
        let decision = decide(&input(&allowed, again.safe().allow.as_deref()));
        assert!(matches!(decision, Decision::Allow(_)), "`{line}`: {decision:?}");
    }
}
