//! The documentation of `lint` agrees with the code. `SAFE_COMPOSE_REWRITE=1` regenerates the generated parts.

use std::fs;
use std::path::{Path, PathBuf};

use safe_compose::lint::{LintRule, rules};
use safe_compose::settings::Settings;
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[expect(clippy::disallowed_methods, reason = "tests may look at the environment")]
fn rewrites() -> bool {
    std::env::var_os("SAFE_COMPOSE_REWRITE").is_some()
}

fn table(rules: impl Iterator<Item = &'static LintRule>) -> String {
    let mut lines = vec!["| Rule | Severity | Description |".to_owned(), "|---|---|---|".to_owned()];
    for rule in rules {
        lines.push(format!("| `{}` | {} | {} |", rule.id, rule.severity.name(), rule.summary()));
    }
    lines.join("\n")
}

/// Compares the part of a page between two markers, or rewrites it.
fn compare(page: &str, expected: &str) {
    const BEGIN: &str = "<!-- rules -->\n";
    const END: &str = "\n<!-- end of rules -->";
    let path = file(page);
    let text = fs::read_to_string(&path).expect("the page");
    let begin = text.find(BEGIN).expect("a beginning") + BEGIN.len();
    let end = text.find(END).expect("an end");
    if rewrites() {
        fs::write(&path, format!("{}{expected}{}", &text[..begin], &text[end..])).expect("written");
        return;
    }
    assert_eq!(&text[begin..end], expected);
}

#[test]
fn the_pages_list_the_rules() {
    compare("docs/lint.md", &table(rules::compose()));
    compare("docs/lint-scripts.md", &table(rules::scripts()));
}

/// A schema without references, and with the last of several forms: the one with the most properties.
fn expanded(schema: &Value, definitions: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return expanded(&definitions[name], definitions);
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        return expanded(forms.last().expect("a form"), definitions);
    }
    match schema {
        Value::Object(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), expanded(value, definitions))).collect()
        }
        other => other.clone(),
    }
}

/// A value that the schema allows, with every property of every object.
fn example(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(example) = schema["examples"].get(0) {
        return example.clone();
    }
    match schema["type"].as_str().expect("a type") {
        "object" => {
            let mut object: serde_json::Map<String, Value> = schema["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), example(schema)))
                .collect();
            if schema["additionalProperties"].is_object() {
                object.insert("any".to_owned(), example(&schema["additionalProperties"]));
            }
            object.into()
        }
        "array" => json!([example(&schema["items"])]),
        "string" => "x".into(),
        "integer" => 1.into(),
        "boolean" => true.into(),
        other => panic!("no example of {other}"),
    }
}

/// Every list of words in the schema, with where it is.
fn words(schema: &Value, value: &Value, at: &str, found: &mut Vec<(String, Value)>) {
    for word in schema["enum"].as_array().into_iter().flatten() {
        found.push((at.to_owned(), word.clone()));
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        words(inner, &value[name], &format!("{at}/{name}"), found);
    }
    if schema["additionalProperties"].is_object() {
        words(&schema["additionalProperties"], &value["any"], &format!("{at}/any"), found);
    }
    if schema["items"].is_object() {
        words(&schema["items"], &value[0], &format!("{at}/0"), found);
    }
}

#[test]
fn the_schema_allows_what_the_settings_read() {
    let text = fs::read_to_string(file("docs/x-safe-compose.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let schema = &expanded(&schema["properties"]["x-safe-compose"], &schema["$defs"]);
    let mut complete = example(schema);
    // Only one of both may be set.
    complete["notify"][0].as_object_mut().expect("a target").remove("token_env");
    Settings::read(Some(&complete)).expect("every property is a setting");
    let mut found = Vec::new();
    words(schema, &complete, "", &mut found);
    assert!(found.len() > 10, "{found:?}");
    for (at, word) in found {
        let mut value = complete.clone();
        *value.pointer_mut(&at).expect("a value") = word.clone();
        assert!(Settings::read(Some(&value)).is_ok(), "the settings do not know {word} at {at}");
        *value.pointer_mut(&at).expect("a value") = "no-such-word".into();
        assert!(Settings::read(Some(&value)).is_err(), "the settings take any word at {at}");
    }
    // What the settings know beyond the schema shows in what they say of a word that they do not know.
    for (at, properties) in [
        ("", schema),
        ("/backup", &schema["properties"]["backup"]),
        ("/hooks", &schema["properties"]["hooks"]),
        ("/lint", &schema["properties"]["lint"]),
        ("/notify/0", &schema["properties"]["notify"]["items"]),
    ] {
        let mut value = complete.clone();
        value.pointer_mut(at).expect("a value")["no-such-setting"] = 1.into();
        let said = Settings::read(Some(&value)).expect_err("unknown").to_string();
        let known = said.matches('`').count() / 2;
        let listed = properties["properties"].as_object().expect("properties").len();
        assert!(said.contains("no-such-setting") && known >= listed, "{said}");
        for name in properties["properties"].as_object().expect("properties").keys() {
            assert!(said.contains(&format!("`{name}`")), "{said} does not name {name}");
        }
        // The name of the key itself, of the wrong one, and every one that is allowed.
        let expected = said.rsplit("expected").next().expect("a list").matches('`').count() / 2;
        assert_eq!(expected, listed, "{said}");
    }
}

#[test]
fn the_schema_lists_the_rules() {
    let text = fs::read_to_string(file("docs/x-safe-compose.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let rules = &schema["properties"]["x-safe-compose"]["properties"]["lint"]["properties"]["rules"];
    let listed: Vec<&str> =
        rules["propertyNames"]["enum"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
    let all: Vec<&str> = rules::compose().map(|rule| rule.id).collect();
    assert_eq!(listed, all);
}
