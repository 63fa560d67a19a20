//! Hostile files: no panic, no hang (the test would not end), and memory in proportion to the file.

use proptest::prelude::*;

use super::{check_text, ids};

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", below.trim_end_matches(", ")));
    }
    assert!(ids(&check_text(&text)).contains(&"invalid-yaml"));
}

#[test]
fn aliases_within_reason_are_not() {
    let text = "x-base: &base { image: \"nginx:1.29\" }\nservices:\n  a: { <<: *base }\n  b: *base\n";
    assert!(check_text(text).is_empty());
}

#[test]
fn ten_thousand_levels_are_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = format!("x: {}{}", open.repeat(10_000), close.repeat(10_000));
        assert!(ids(&check_text(&text)).contains(&"invalid-yaml"));
    }
    let block: String = (0..10_000).map(|level| format!("{}a:\n", " ".repeat(level % 3000))).collect();
    check_text(&block);
    let deep: String = (0..3_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(ids(&check_text(&deep)).contains(&"invalid-yaml"));
}

#[test]
fn long_words_and_many_of_them() {
    let scalar = "x".repeat(8 << 20);
    check_text(&format!("services:\n  a:\n    image: {scalar}\n"));
    check_text(&format!("services:\n  a:\n    command: \"{}\"\n", "$".repeat(1 << 20)));
    check_text(&format!("services:\n  a:\n    image: \"{}\"\n", "${A:-".repeat(100_000)));
    let keys: String = (0..20_000).map(|n| format!("  s{n}: {{ image: \"postgres:17\" }}\n")).collect();
    check_text(&format!("services:\n{keys}"));
}

#[test]
fn circular_references_end() {
    let chain: String =
        (0..2_000).map(|n| format!("  s{n}: {{ extends: {{ service: s{} }} }}\n", (n + 1) % 2_000)).collect();
    assert!(ids(&check_text(&format!("services:\n{chain}"))).contains(&"invalid-compose"));
    assert!(ids(&check_text("a: &a [*a]\n")).contains(&"invalid-yaml"));
}

/// Lines as a Compose file has them, in any order and indentation.
fn near_compose() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "services:",
        "volumes:",
        "image: postgres:17",
        "- data:/var/lib/postgresql/data",
        "x: &a",
        "<<: *a",
        "*a",
        "extends: b",
        "build: .",
        "ports: [\"5432:5432\"]",
        "environment:",
        "- A=${B:-c}",
        "!reset null",
        "name: ${X}",
        "tmpfs: /x",
        "include: [a.yaml]",
        "deploy: {replicas: 3}",
        "? a",
        ": b",
        "|",
        "'",
        "\"",
        "{",
        "}",
        "]",
        "#",
        "# safe-compose: ignore[data-path-wrong] why",
        "---",
        "...",
        "command: rm -rf /data",
        "stop_grace_period: 1s",
        "x-safe-compose: {lint: {rules: {image-unpinned: off}}}",
        "é: ü",
        "\t",
        "db:",
        "web:",
        "-",
        "null",
    ]);
    prop::collection::vec((0_usize..8, words), 0..40).prop_map(|lines| {
        lines.iter().map(|(indent, word)| format!("{}{word}\n", " ".repeat(*indent))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check_text(&text);
    }

    #[test]
    fn anything_like_compose_is_read(text in near_compose()) {
        for finding in check_text(&text) {
            prop_assert!(finding.location.line >= 1 && finding.location.column >= 1);
        }
        let checked = super::checked(&text);
        for (_, old, new) in checked.fixed() {
            prop_assert_ne!(&*old, new.as_str());
        }
    }
}
