//! Points: identifiers, vectors and payload, as they travel and as they are kept.
//!
//! Invariants: identifiers order as in Qdrant (numbers before UUIDs); `f32` values are printed by their shortest
//! form, never widened to `f64` first; payload numbers and key order survive a round trip.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use siphasher::sip::SipHasher24;
use uuid::Uuid;

pub(crate) type Payload = Map<String, Value>;

/// The name under which an unnamed vector is kept.
pub(crate) const UNNAMED: &str = "";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PointId {
    Num(u64),
    Uuid(Uuid),
}

impl PointId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(Self::Num(number));
        }
        Uuid::parse_str(text).ok().map(Self::Uuid)
    }

    /// The public hash contract of the `slice` filter: SipHash-2-4 with a zero key over the id's bytes.
    pub(crate) fn slice(self, total: u64) -> u64 {
        let mut hasher = SipHasher24::new();
        match self {
            Self::Num(number) => hasher.write(&number.to_le_bytes()),
            Self::Uuid(uuid) => hasher.write(uuid.as_bytes()),
        }
        hasher.finish() % total.max(1)
    }
}

impl std::fmt::Display for PointId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Num(number) => number.fmt(f),
            Self::Uuid(uuid) => uuid.fmt(f),
        }
    }
}

impl Serialize for PointId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Num(number) => serializer.serialize_u64(*number),
            Self::Uuid(uuid) => serializer.collect_str(uuid),
        }
    }
}

impl<'de> Deserialize<'de> for PointId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let id = match &value {
            Value::Number(number) => number.as_u64().map(Self::Num),
            Value::String(text) => Uuid::parse_str(text).ok().map(Self::Uuid),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        id.ok_or_else(|| {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            de::Error::custom(format!(
                "value {shown} is not a valid point ID, valid values are either an unsigned integer or a UUID"
            ))
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Vector {
    Dense(Vec<f32>),
    // Before `Multi`, as on the real server, which therefore takes two rows of integers for a sparse vector.
    Sparse(Sparse),
    Multi(Vec<Vec<f32>>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sparse {
    pub(crate) indices: Vec<u32>,
    pub(crate) values: Vec<f32>,
}

/// All vectors of one point, by name; an unnamed one stands under [`UNNAMED`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Vectors(pub(crate) BTreeMap<String, Vector>);

impl Serialize for Vectors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let (1, Some(only)) = (self.0.len(), self.0.get(UNNAMED)) {
            return only.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, vector) in &self.0 {
            map.serialize_entry(name, vector)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Vectors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            One(Vector),
            Named(BTreeMap<String, Vector>),
        }
        Ok(match Shape::deserialize(deserializer)? {
            Shape::One(vector) => Self(BTreeMap::from([(UNNAMED.to_owned(), vector)])),
            Shape::Named(named) => Self(named),
        })
    }
}

/// One kept point. `version` is the number of the operation that wrote it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) id: PointId,
    #[serde(default)]
    pub(crate) version: u64,
    #[serde(default)]
    pub(crate) payload: Payload,
    #[serde(default)]
    pub(crate) vector: Vectors,
}

/// What a caller wants to see of a point's payload.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum WithPayload {
    All(bool),
    Keys(Vec<String>),
    Include { include: Vec<String> },
    Exclude { exclude: Vec<String> },
}

impl WithPayload {
    fn pick(&self, payload: &Payload) -> Option<Payload> {
        let only = |keep: &dyn Fn(&str) -> bool| {
            payload.iter().filter(|(k, _)| keep(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        match self {
            Self::All(true) => Some(payload.clone()),
            Self::All(false) => None,
            Self::Keys(keys) | Self::Include { include: keys } => {
                Some(only(&|k| keys.iter().any(|x| x == k)))
            }
            Self::Exclude { exclude } => Some(only(&|k| !exclude.iter().any(|x| x == k))),
        }
    }
}

/// What a caller wants to see of a point's vectors.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum WithVector {
    All(bool),
    Names(Vec<String>),
}

impl WithVector {
    fn pick(&self, vectors: &Vectors) -> Option<Vectors> {
        match self {
            Self::All(true) => Some(vectors.clone()),
            Self::All(false) => None,
            Self::Names(names) => Some(Vectors(
                vectors
                    .0
                    .iter()
                    .filter(|(n, _)| names.contains(n))
                    .map(|(n, v)| (n.clone(), v.clone()))
                    .collect(),
            )),
        }
    }
}

/// A point as an answer shows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) id: PointId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vector: Option<Vectors>,
}

impl Record {
    pub(crate) fn of(point: &Point, payload: &WithPayload, vector: &WithVector) -> Self {
        Self { id: point.id, payload: payload.pick(&point.payload), vector: vector.pick(&point.vector) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_order_before_uuids() {
        let mut ids = [PointId::Uuid(Uuid::nil()), PointId::Num(u64::MAX), PointId::Num(0)];
        ids.sort();
        assert_eq!(ids, [PointId::Num(0), PointId::Num(u64::MAX), PointId::Uuid(Uuid::nil())]);
    }

    #[test]
    fn slices_follow_the_recorded_server() {
        let forty = PointId::parse("00000000-0000-4000-8000-000000000040").unwrap();
        assert_eq!([PointId::Num(6), PointId::Num(16), forty].map(|id| id.slice(10)), [3, 3, 3]);
        assert_ne!(PointId::Num(1).slice(10), 3);
    }

    #[test]
    fn floats_print_in_their_shortest_form() {
        let text = serde_json::to_string(&Vector::Dense(vec![0.348_155_32, 1.0])).unwrap();
        assert_eq!(text, "[0.34815532,1.0]");
    }

    #[test]
    fn large_integers_survive() {
        let point: Point =
            serde_json::from_str(r#"{"id":1,"payload":{"z":18446744073709551615,"a":1}}"#).unwrap();
        assert_eq!(serde_json::to_string(&point.payload).unwrap(), r#"{"z":18446744073709551615,"a":1}"#);
    }
}
