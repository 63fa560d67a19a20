//! The examples in a rule's explanation are its first tests.

use safe_compose::lint::rules;

use super::{check_text, errors, ids};

/// The YAML blocks below a heading.
pub(super) fn blocks(explain: &str, heading: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut below = false;
    let mut block: Option<String> = None;
    for line in explain.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        if let Some(title) = line.strip_prefix("## ") {
            below = title == heading;
        } else if line.starts_with("```") {
            match block.take() {
                Some(block) if below => found.push(block),
                Some(_) => {}
                None => block = Some(String::new()),
            }
        } else if let Some(block) = &mut block {
            block.push_str(line);
            block.push('\n');
        }
    }
    found
}

#[test]
fn every_bad_example_is_found_and_no_good_one() {
    let mut wrong = Vec::new();
    for rule in rules::compose() {
        let bad = blocks(rule.explain, "Bad");
        let good = blocks(rule.explain, "Good");
        if bad.is_empty() || good.is_empty() {
            wrong.push(format!("{} lacks an example", rule.id));
        }
        for block in &bad {
            let found = check_text(block);
            if !ids(&found).contains(&rule.id) {
                wrong.push(format!(
                    "{} does not find its bad example, but {:?}:\n{block}",
                    rule.id,
                    ids(&found)
                ));
            }
        }
        for block in &good {
            let found = check_text(block);
            if ids(&found).contains(&rule.id) {
                wrong.push(format!("{} finds its good example:\n{block}", rule.id));
            }
            if !errors(&found).is_empty() {
                wrong.push(format!(
                    "{}: the good example has errors: {:?}\n{block}",
                    rule.id,
                    errors(&found)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_rule_is_explained_and_named_once() {
    let mut names = std::collections::BTreeSet::new();
    for rule in rules::compose() {
        assert!(names.insert(rule.id), "{} is listed twice", rule.id);
        assert!(rule.id.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{}", rule.id);
        assert!(rule.explain.contains("## Why it matters"), "{}", rule.id);
        assert!(rule.summary().ends_with('.'), "{}: {}", rule.id, rule.summary());
    }
}
