//! Findings as SARIF, against types that are made from its published schema.

use std::path::Path;

use safe_compose::lint::output::sarif;
use safe_compose::lint::scripts::{DataDirectories, ScriptKind, check};
use safe_compose::lint::{LintFinding, LintRule, rules};
use serde_json::Value;

fn findings() -> Vec<LintFinding> {
    let text = "docker compose down -vt0\ndocker volume rm \"a\nb\"\n";
    let mut found =
        check(Path::new("a b/x.sh"), ScriptKind::Shell, text, &DataDirectories::default()).findings();
    found[0].service = Some("db".to_owned());
    found[1].help = None;
    found
}

fn log() -> Value {
    let rules: Vec<&LintRule> = rules::all().collect();
    sarif(&findings(), &rules)
}

/// Whether every member is one that the schema has, of its type. What the types do not know does not come back.
fn is_valid(log: &Value) -> bool {
    let Ok(typed) = serde_json::from_value::<serde_sarif::sarif::Sarif>(log.clone()) else { return false };
    serde_json::to_value(typed).expect("JSON") == *log
}

#[test]
fn sarif_keeps_to_its_schema() {
    let log = log();
    assert!(is_valid(&log), "{log:#}");
    for (pointer, wrong) in [
        ("/runs/0/results/0/level", Value::from("fatal")),
        ("/runs/0/results/0/message", Value::from("text")),
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", Value::from("one")),
        ("/runs/0/tool/driver/rules/0", serde_json::json!({})),
        ("/runs/0/results/0/locations/0", serde_json::json!({ "place": 1 })),
    ] {
        let mut broken = log.clone();
        *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is there")) = wrong;
        assert!(!is_valid(&broken), "{pointer}");
    }
}

#[test]
fn sarif_says_what_was_found() {
    let log = log();
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), findings().len());
    assert_eq!(results.len(), 3);
    for (result, finding) in results.iter().zip(findings()) {
        let index = result["ruleIndex"].as_u64().expect("an index");
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][usize::try_from(index).expect("small")];
        assert_eq!(rule["id"], finding.rule);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/x.sh");
        assert_eq!(place["region"]["startLine"], finding.location.line);
        assert_eq!(place["region"]["endColumn"], finding.location.end_column);
    }
    assert_eq!(results[0]["level"], "error");
    assert_eq!(results[1]["level"], "warning");
    assert_eq!(results[0]["locations"][0]["logicalLocations"][0]["name"], "db");
}
