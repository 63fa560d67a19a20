//! Points between their protobuf form and ours.

use std::collections::HashMap;

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    self as proto, vector, vector_output, vectors, vectors_output, with_payload_selector,
    with_vectors_selector,
};
use serde_json::{Map, Number, Value, json};
use uuid::Uuid;

use crate::fault::{Fault, Outcome};
use crate::point::{
    Payload, Point, PointId, Record, Sparse, UNNAMED, Vector, Vectors, WithPayload, WithVector,
};

pub(super) fn id_in(id: Option<proto::PointId>) -> Outcome<PointId> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Num(number)) => Ok(PointId::Num(number)),
        Some(PointIdOptions::Uuid(text)) => Uuid::parse_str(&text)
            .map(PointId::Uuid)
            .map_err(|_| Fault::BadRequest(format!("Unable to parse UUID: {text}"))),
        None => Err(Fault::BadRequest("Empty point ID is not allowed".into())),
    }
}

pub(super) fn id_out(id: PointId) -> proto::PointId {
    let options = match id {
        PointId::Num(number) => PointIdOptions::Num(number),
        PointId::Uuid(uuid) => PointIdOptions::Uuid(uuid.to_string()),
    };
    proto::PointId { point_id_options: Some(options) }
}

fn value_in(value: proto::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::DoubleValue(number)) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Some(Kind::IntegerValue(number)) => number.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::BoolValue(flag)) => flag.into(),
        Some(Kind::StructValue(map)) => {
            Value::Object(map.fields.into_iter().map(|(key, value)| (key, value_in(value))).collect())
        }
        Some(Kind::ListValue(list)) => list.values.into_iter().map(value_in).collect(),
    }
}

/// Integers above `i64::MAX` become doubles, as on the real server.
fn value_out(value: &Value) -> proto::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Kind::IntegerValue(integer),
            None => Kind::DoubleValue(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(list) => {
            Kind::ListValue(proto::ListValue { values: list.iter().map(value_out).collect() })
        }
        Value::Object(map) => Kind::StructValue(proto::Struct { fields: payload_out(map) }),
    };
    proto::Value { kind: Some(kind) }
}

pub(super) fn payload_in(payload: HashMap<String, proto::Value>) -> Payload {
    payload.into_iter().map(|(key, value)| (key, value_in(value))).collect()
}

fn payload_out(payload: &Payload) -> HashMap<String, proto::Value> {
    payload.iter().map(|(key, value)| (key.clone(), value_out(value))).collect()
}

fn vector_in(vector: proto::Vector) -> Outcome<Vector> {
    match vector.vector {
        Some(vector::Vector::Dense(dense)) => Ok(Vector::Dense(dense.data)),
        Some(vector::Vector::Sparse(sparse)) => {
            Ok(Vector::Sparse(Sparse { indices: sparse.indices, values: sparse.values }))
        }
        Some(vector::Vector::MultiDense(multi)) => {
            Ok(Vector::Multi(multi.vectors.into_iter().map(|row| row.data).collect()))
        }
        Some(vector::Vector::Document(_) | vector::Vector::Image(_) | vector::Vector::Object(_)) => {
            Err(Fault::BadRequest("the stand-in does not infer vectors".into()))
        }
        None => old_vector_in(vector),
    }
}

#[expect(deprecated, reason = "clients before 1.16 fill only these fields")]
fn old_vector_in(vector: proto::Vector) -> Outcome<Vector> {
    match (vector.indices, vector.vectors_count) {
        (Some(indices), _) => Ok(Vector::Sparse(Sparse { indices: indices.data, values: vector.data })),
        (None, Some(count)) => {
            let rows = usize::try_from(count).unwrap_or(0);
            if rows == 0 || !vector.data.len().is_multiple_of(rows) {
                return Err(Fault::bad_input("Conversion between multi and regular vectors failed"));
            }
            Ok(Vector::Multi(vector.data.chunks(vector.data.len() / rows).map(<[f32]>::to_vec).collect()))
        }
        (None, None) => Ok(Vector::Dense(vector.data)),
    }
}

pub(super) fn vectors_in(vectors: Option<proto::Vectors>) -> Outcome<Vectors> {
    match vectors.and_then(|vectors| vectors.vectors_options) {
        None => Ok(Vectors::default()),
        Some(vectors::VectorsOptions::Vector(one)) => {
            Ok(Vectors([(UNNAMED.to_owned(), vector_in(one)?)].into()))
        }
        Some(vectors::VectorsOptions::Vectors(named)) => {
            let named = named.vectors.into_iter().map(|(name, vector)| Ok((name, vector_in(vector)?)));
            Ok(Vectors(named.collect::<Outcome<_>>()?))
        }
    }
}

fn vector_out(vector: &Vector) -> proto::VectorOutput {
    let vector = match vector {
        Vector::Dense(values) => vector_output::Vector::Dense(proto::DenseVector { data: values.clone() }),
        Vector::Multi(rows) => {
            let vectors = rows.iter().map(|row| proto::DenseVector { data: row.clone() }).collect();
            vector_output::Vector::MultiDense(proto::MultiDenseVector { vectors })
        }
        Vector::Sparse(sparse) => vector_output::Vector::Sparse(proto::SparseVector {
            values: sparse.values.clone(),
            indices: sparse.indices.clone(),
        }),
    };
    proto::VectorOutput { vector: Some(vector), ..proto::VectorOutput::default() }
}

fn vectors_out(vectors: &Vectors) -> proto::VectorsOutput {
    let options = match vectors.0.get(UNNAMED) {
        Some(only) if vectors.0.len() == 1 => vectors_output::VectorsOptions::Vector(vector_out(only)),
        Some(_) | None => vectors_output::VectorsOptions::Vectors(proto::NamedVectorsOutput {
            vectors: vectors.0.iter().map(|(name, vector)| (name.clone(), vector_out(vector))).collect(),
        }),
    };
    proto::VectorsOutput { vectors_options: Some(options) }
}

pub(super) fn point_in(point: proto::PointStruct) -> Outcome<Point> {
    Ok(Point {
        id: id_in(point.id)?,
        version: 0,
        payload: payload_in(point.payload),
        vector: vectors_in(point.vectors)?,
    })
}

pub(super) fn record_out(record: &Record) -> proto::RetrievedPoint {
    proto::RetrievedPoint {
        id: Some(id_out(record.id)),
        payload: record.payload.as_ref().map(payload_out).unwrap_or_default(),
        vectors: record.vector.as_ref().map(vectors_out),
        ..proto::RetrievedPoint::default()
    }
}

pub(super) fn with_payload(selector: Option<proto::WithPayloadSelector>, default: bool) -> WithPayload {
    use with_payload_selector::SelectorOptions;
    match selector.and_then(|selector| selector.selector_options) {
        None => WithPayload::All(default),
        Some(SelectorOptions::Enable(all)) => WithPayload::All(all),
        Some(SelectorOptions::Include(include)) => WithPayload::Keys(include.fields),
        Some(SelectorOptions::Exclude(exclude)) => WithPayload::Exclude { exclude: exclude.fields },
    }
}

pub(super) fn with_vector(selector: Option<proto::WithVectorsSelector>) -> WithVector {
    use with_vectors_selector::SelectorOptions;
    match selector.and_then(|selector| selector.selector_options) {
        None => WithVector::All(false),
        Some(SelectorOptions::Enable(all)) => WithVector::All(all),
        Some(SelectorOptions::Include(include)) => WithVector::Names(include.names),
    }
}

/// A filter as the JSON that [`crate::filter`] reads.
pub(super) fn filter_in(filter: proto::Filter) -> Outcome<Value> {
    let clause = |conditions: Vec<proto::Condition>| -> Outcome<Value> {
        conditions.into_iter().map(condition_in).collect()
    };
    if filter.min_should.is_some() {
        return Err(unknown_condition());
    }
    let mut clauses = Map::new();
    for (name, conditions) in
        [("must", filter.must), ("should", filter.should), ("must_not", filter.must_not)]
    {
        if !conditions.is_empty() {
            clauses.insert(name.to_owned(), clause(conditions)?);
        }
    }
    Ok(Value::Object(clauses))
}

fn condition_in(condition: proto::Condition) -> Outcome<Value> {
    Ok(match condition.condition_one_of.ok_or_else(unknown_condition)? {
        ConditionOneOf::Slice(slice) => json!({ "slice": { "total": slice.total, "index": slice.index } }),
        ConditionOneOf::HasId(ids) => {
            let ids = ids.has_id.into_iter().map(|id| id_in(Some(id))).collect::<Outcome<Vec<_>>>()?;
            json!({ "has_id": ids })
        }
        ConditionOneOf::HasVector(vector) => json!({ "has_vector": vector.has_vector }),
        ConditionOneOf::IsEmpty(empty) => json!({ "is_empty": { "key": empty.key } }),
        ConditionOneOf::IsNull(absent) => json!({ "is_null": { "key": absent.key } }),
        ConditionOneOf::Filter(filter) => filter_in(filter)?,
        ConditionOneOf::Nested(_) => return Err(unknown_condition()),
        ConditionOneOf::Field(field) => {
            let wanted = match field.r#match.and_then(|wanted| wanted.match_value) {
                Some(MatchValue::Keyword(value)) => json!({ "value": value }),
                Some(MatchValue::Integer(value)) => json!({ "value": value }),
                Some(MatchValue::Boolean(value)) => json!({ "value": value }),
                Some(MatchValue::Text(value)) => json!({ "text": value }),
                Some(MatchValue::Keywords(values)) => json!({ "any": values.strings }),
                Some(MatchValue::Integers(values)) => json!({ "any": values.integers }),
                Some(MatchValue::ExceptKeywords(values)) => json!({ "except": values.strings }),
                Some(MatchValue::ExceptIntegers(values)) => json!({ "except": values.integers }),
                Some(
                    MatchValue::Phrase(_)
                    | MatchValue::TextAny(_)
                    | MatchValue::Prefix(_)
                    | MatchValue::Substring(_),
                )
                | None => return Err(unknown_condition()),
            };
            json!({ "key": field.key, "match": wanted })
        }
    })
}

fn unknown_condition() -> Fault {
    Fault::BadRequest("the stand-in does not know this condition".into())
}
