//! One point, as text: checked and put into another frame, never parsed into values.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A point as servers report it and as client libraries store it.
#[derive(Debug, Deserialize)]
struct Printed<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow, default)]
    vector: Option<&'a RawValue>,
    /// The name that some libraries use.
    #[serde(borrow, default)]
    vectors: Option<&'a RawValue>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default)]
    shard_key: Option<&'a RawValue>,
}

/// Appends a point in the form of an upsert. The error says what is wrong with it.
pub fn to_upsert(point: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let printed: Printed<'_> = serde_json::from_str(point).map_err(|error| error.to_string())?;
    check_id(printed.id.get())?;
    let vector = printed.vector.or(printed.vectors).map_or("{}", RawValue::get);
    if !vector.starts_with(['[', '{']) {
        return Err(format!("its vector is {}", shown(vector)));
    }
    let payload = printed.payload.map_or("{}", RawValue::get);
    if !payload.starts_with('{') {
        return Err(format!("its payload is {}", shown(payload)));
    }
    if printed.shard_key.is_some() {
        return Err(
            "it has a shard key, and collections with custom sharding can only be restored from a snapshot"
                .to_owned(),
        );
    }
    for part in ["{\"id\":", printed.id.get(), ",\"vector\":", vector, ",\"payload\":", payload, "}"] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// The text of the id of a point.
pub fn id(point: &str) -> Result<&str, String> {
    #[derive(Deserialize)]
    struct Identified<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    serde_json::from_str::<Identified<'_>>(point)
        .map(|point| point.id.get())
        .map_err(|error| error.to_string())
}

/// An id is an unsigned 64-bit integer or a UUID (`ExtendedPointId` in `lib/segment/src/types.rs`).
fn check_id(text: &str) -> Result<(), String> {
    let is_uuid = |text: &str| {
        let plain = text.strip_prefix("urn:uuid:").unwrap_or(text);
        let digits = plain.bytes().filter(|byte| *byte != b'-');
        digits.clone().count() == 32 && digits.clone().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_right = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => is_uuid(text),
        None => text.parse::<u64>().is_ok(),
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("its id {} is neither an unsigned integer nor a UUID", shown(text)))
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upsert(point: &str) -> Result<String, String> {
        let mut out = Vec::new();
        to_upsert(point, &mut out).map(|()| String::from_utf8(out).expect("text"))
    }

    #[test]
    fn the_text_of_every_part_stays_as_it_is() {
        let point = r#"{"id": 18446744073709551615, "payload": {"n": 9223372036854775809, "x": 1.10, "y": 1e400, "ç": "\u00e7"}, "vector": [1.0, 2.50]}"#;
        assert_eq!(
            upsert(point).expect("a point"),
            r#"{"id":18446744073709551615,"vector":[1.0, 2.50],"payload":{"n": 9223372036854775809, "x": 1.10, "y": 1e400, "ç": "\u00e7"}}"#
        );
    }

    #[test]
    fn other_shapes_of_a_point_are_understood() {
        let uuid = "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"";
        for (point, expected) in [
            (
                format!("{{\"id\":{uuid},\"vectors\":{{\"a\":[1]}}}}"),
                format!("{{\"id\":{uuid},\"vector\":{{\"a\":[1]}},\"payload\":{{}}}}"),
            ),
            (
                "{\"id\":1,\"vector\":null,\"payload\":null,\"shard_key\":null,\"score\":0.1}".to_owned(),
                "{\"id\":1,\"vector\":{},\"payload\":{}}".to_owned(),
            ),
        ] {
            assert_eq!(upsert(&point).expect("a point"), expected);
        }
    }

    #[test]
    fn what_no_server_would_take_is_told() {
        for (point, why) in [
            (r#"{"payload":{}}"#, "missing field `id`"),
            (r#"{"id":-1}"#, "neither an unsigned integer nor a UUID"),
            (r#"{"id":1.5}"#, "neither"),
            (r#"{"id":18446744073709551616}"#, "neither"),
            (r#"{"id":"5"}"#, "neither"),
            (r#"{"id":1,"payload":[]}"#, "payload is `[]`"),
            (r#"{"id":1,"vector":"x"}"#, "vector is"),
            (r#"{"id":1,"shard_key":"a"}"#, "shard key"),
        ] {
            let error = upsert(point).expect_err(point);
            assert!(error.contains(why), "{point}: {error}");
        }
    }

    #[test]
    fn an_id_is_found() {
        assert_eq!(id(r#"{"payload":{"id":3},"id":7}"#), Ok("7"));
        assert!(id("{}").is_err());
    }
}
