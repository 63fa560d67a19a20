//! The part of Qdrant's filters that tests need: `must`, `should`, `must_not` over the common conditions.
//!
//! A condition this stand-in does not know is refused, so that a test never passes on a filter that was ignored.

use serde_json::Value;

use crate::fault::{Fault, Outcome};
use crate::point::{Payload, Point, PointId};

/// Whether `point` passes `filter`, a JSON filter object.
pub(crate) fn matches(filter: &Value, point: &Point) -> Outcome<bool> {
    let Value::Object(clauses) = filter else {
        return Err(Fault::Format("filter must be an object".into()));
    };
    for (name, clause) in clauses {
        let conditions = match clause {
            Value::Null => continue,
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        if !["must", "should", "must_not"].contains(&name.as_str()) {
            return Err(Fault::Format(format!(
                "unknown field `{name}`, expected one of `should`, `min_should`, `must`, `must_not`"
            )));
        }
        let mut passed = 0;
        for condition in conditions {
            passed += usize::from(meets(condition, point)?);
        }
        let holds = match name.as_str() {
            "must" => passed == conditions.len(),
            "should" => passed > 0 || conditions.is_empty(),
            _ => passed == 0,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn meets(condition: &Value, point: &Point) -> Outcome<bool> {
    if let Some(slice) = condition.get("slice") {
        let (Some(total), Some(index)) = (slice["total"].as_u64(), slice["index"].as_u64()) else {
            return Err(Fault::Format("slice needs `total` and `index`".into()));
        };
        if total == 0 {
            return Err(unknown());
        }
        if index >= total {
            return Err(Fault::body(
                "[count_request.filter.must[0].__all__: Validation error: Slice index must be less than the total number of slices [{}]]",
            ));
        }
        return Ok(point.id.slice(total) == index);
    }
    if let Some(ids) = condition.get("has_id") {
        let ids: Vec<PointId> =
            serde_json::from_value(ids.clone()).map_err(|e| Fault::Format(e.to_string()))?;
        return Ok(ids.contains(&point.id));
    }
    if let Some(name) = condition.get("has_vector").and_then(Value::as_str) {
        return Ok(point.vector.0.contains_key(name));
    }
    if let Some(key) = condition.get("is_empty").and_then(|c| c["key"].as_str()) {
        let found = values(&point.payload, key);
        return Ok(found.iter().all(|v| v.is_null() || v.as_array().is_some_and(Vec::is_empty)));
    }
    if let Some(key) = condition.get("is_null").and_then(|c| c["key"].as_str()) {
        return Ok(values(&point.payload, key).iter().any(|v| v.is_null()));
    }
    if let Some(key) = condition.get("key").and_then(Value::as_str) {
        let found = flat(values(&point.payload, key));
        if let Some(wanted) = condition.get("match") {
            return matched(wanted, &found);
        }
        if let Some(range) = condition.get("range") {
            return Ok(found.iter().filter_map(|v| v.as_f64()).any(|v| within(range, v)));
        }
    }
    if ["must", "should", "must_not"].iter().any(|clause| condition.get(clause).is_some()) {
        return matches(condition, point);
    }
    Err(unknown())
}

pub(crate) fn unknown() -> Fault {
    Fault::Format(
        "Expected some form of condition, which can be a field condition (like {\"key\": ..., \"match\": ... }), or some other mentioned in the documentation: https://qdrant.tech/documentation/concepts/filtering/#filtering-conditions".into(),
    )
}

fn matched(wanted: &Value, found: &[&Value]) -> Outcome<bool> {
    if let Some(value) = wanted.get("value") {
        return Ok(found.contains(&value));
    }
    if let Some(any) = wanted.get("any").and_then(Value::as_array) {
        return Ok(found.iter().any(|v| any.contains(v)));
    }
    if let Some(except) = wanted.get("except").and_then(Value::as_array) {
        return Ok(found.iter().any(|v| !except.contains(v)));
    }
    if let Some(text) = wanted.get("text").and_then(Value::as_str) {
        return Ok(found.iter().filter_map(|v| v.as_str()).any(|v| v.contains(text)));
    }
    Err(Fault::Format("data did not match any variant of untagged enum Match".into()))
}

fn within(range: &Value, value: f64) -> bool {
    let bound = |name: &str| range.get(name).and_then(Value::as_f64);
    bound("gt").is_none_or(|b| value > b)
        && bound("gte").is_none_or(|b| value >= b)
        && bound("lt").is_none_or(|b| value < b)
        && bound("lte").is_none_or(|b| value <= b)
}

/// The values at a dotted path; `name[]` steps into the elements of an array.
pub(crate) fn values<'a>(payload: &'a Payload, path: &str) -> Vec<&'a Value> {
    let mut steps = path.split('.');
    let first = steps.next().unwrap_or_default();
    let mut found = step(payload.get(first.trim_end_matches("[]")).into_iter().collect(), first);
    for name in steps {
        let inner = found.into_iter().filter_map(|v| v.get(name.trim_end_matches("[]"))).collect();
        found = step(inner, name);
    }
    found
}

fn step<'a>(values: Vec<&'a Value>, name: &str) -> Vec<&'a Value> {
    if name.ends_with("[]") { flat(values) } else { values }
}

/// Arrays count as each of their elements.
pub(crate) fn flat(values: Vec<&Value>) -> Vec<&Value> {
    values
        .into_iter()
        .flat_map(|v| match v {
            Value::Array(list) => list.iter().collect(),
            one => vec![one],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn point() -> Point {
        serde_json::from_value(json!({ "id": 6, "payload": {
            "kind": "a", "n": 5, "tags": ["x", "y"], "deep": { "list": [{ "v": 1 }, { "v": 2 }] }, "none": null,
        } }))
        .unwrap()
    }

    #[test]
    fn conditions_hold_and_fail() {
        for (filter, expected) in [
            (json!({}), true),
            (json!({ "must": [{ "slice": { "total": 10, "index": 3 } }] }), true),
            (json!({ "must": [{ "slice": { "total": 10, "index": 4 } }] }), false),
            (json!({ "must": { "key": "kind", "match": { "value": "a" } } }), true),
            (json!({ "must_not": [{ "key": "kind", "match": { "value": "a" } }] }), false),
            (json!({ "must": [{ "key": "tags", "match": { "any": ["y"] } }] }), true),
            (json!({ "must": [{ "key": "tags", "match": { "any": ["z"] } }] }), false),
            (json!({ "must": [{ "key": "n", "range": { "gt": 4, "lte": 5 } }] }), true),
            (json!({ "must": [{ "key": "n", "range": { "gt": 5 } }] }), false),
            (json!({ "must": [{ "key": "deep.list[].v", "match": { "value": 2 } }] }), true),
            (json!({ "must": [{ "is_null": { "key": "none" } }] }), true),
            (json!({ "must": [{ "is_empty": { "key": "nothing" } }] }), true),
            (json!({ "should": [{ "has_id": [1] }, { "has_id": [6] }] }), true),
            (json!({ "must": [{ "has_id": [1] }] }), false),
        ] {
            assert_eq!(matches(&filter, &point()).unwrap(), expected, "{filter}");
        }
    }

    #[test]
    fn an_unknown_condition_is_refused() {
        assert!(matches(&json!({ "must": [{ "key": "x", "geo_radius": {} }] }), &point()).is_err());
        assert!(matches(&json!({ "may": [] }), &point()).is_err());
    }
}
