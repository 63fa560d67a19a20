//! Times in the settings: seconds as a number, or `90s`, `2m30s`.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The longest time limit.
const LONGEST: Duration = Duration::from_hours(24);

/// A time limit, if one is set.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let set = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_u64().map(Duration::from_secs).ok_or_else(|| number.to_string()),
        Value::String(text) => text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|time| Duration::try_from(time).ok())
            .ok_or(text),
        other @ (Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(other.to_string()),
    };
    let time = set.map_err(|text| {
        D::Error::custom(format!("`{text}` is no time: write seconds, or a time such as `90s` or `2m30s`"))
    })?;
    if time.is_zero() || time > LONGEST {
        return Err(D::Error::custom("a time limit is between a moment and 24 hours"));
    }
    Ok(Some(time))
}
