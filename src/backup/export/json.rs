//! One JSON document, read as a stream: points are visited one at a time, and only small values are kept.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::ExportError;

/// Gets the index of a collection in the file, and the text of one of its points.
pub(super) type OnPoint<'a> = dyn FnMut(usize, &str) -> Result<(), ExportError> + 'a;

/// A file without its points.
#[derive(Debug, Default)]
pub(super) struct ExportDraft {
    pub(super) fields: Map<String, Value>,
    pub(super) collections: Vec<CollectionDraft>,
}

#[derive(Debug, Default)]
pub(super) struct CollectionDraft {
    pub(super) fields: Map<String, Value>,
    pub(super) points: u64,
}

/// The keys that are kept; other values may have any size.
const KEPT: [&str; 18] = [
    "aliases",
    "collection",
    "collection_name",
    "config",
    "count",
    "created",
    "distance",
    "format",
    "format_version",
    "info",
    "name",
    "payload_schema",
    "server",
    "service",
    "sparse_vectors",
    "vector_size",
    "vectors",
    "vectors_config",
];

pub(super) fn read(reader: impl Read, on_point: &mut OnPoint<'_>) -> Result<ExportDraft, ExportError> {
    let mut state = State { on_point, collections: Vec::new(), flaw: None };
    let mut source = serde_json::Deserializer::from_reader(reader);
    let read = Object { state: &mut state, own: None }
        .deserialize(&mut source)
        .and_then(|fields| source.end().map(|()| fields));
    match (state.flaw, read) {
        (Some(flaw), _) => Err(flaw),
        (None, Ok((fields, _))) => Ok(ExportDraft { fields, collections: state.collections }),
        (None, Err(error)) => Err(error.into()),
    }
}

struct State<'a, 'b> {
    on_point: &'a mut OnPoint<'b>,
    collections: Vec<CollectionDraft>,
    /// The error of `on_point`; the error that serde returns only stops the parser.
    flaw: Option<ExportError>,
}

impl State<'_, '_> {
    fn begin(&mut self) -> usize {
        self.collections.push(CollectionDraft::default());
        self.collections.len() - 1
    }
}

/// The document, or one of its collections. A document that has points itself is a collection.
struct Object<'s, 'a, 'b> {
    state: &'s mut State<'a, 'b>,
    own: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_, '_> {
    type Value = (Map<String, Value>, Option<usize>);

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, '_> {
    type Value = (Map<String, Value>, Option<usize>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with collections or points")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self { state, mut own } = self;
        let is_top = own.is_none();
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "collections" if is_top => map.next_value_seed(Collections { state })?,
                "points" => {
                    let number = *own.get_or_insert_with(|| state.begin());
                    map.next_value_seed(Points { state, number })?;
                }
                kept if KEPT.contains(&kept) => {
                    fields.insert(key, map.next_value()?);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if let Some(number) = own {
            state.collections[number].fields.clone_from(&fields);
        }
        Ok((fields, own))
    }
}

/// A list of collections, or an object with their names as keys.
struct Collections<'s, 'a, 'b> {
    state: &'s mut State<'a, 'b>,
}

impl<'de> DeserializeSeed<'de> for Collections<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collections<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of collections")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let number = self.state.begin();
            let next = list.next_element_seed(Object { state: self.state, own: Some(number) })?;
            if next.is_none() {
                self.state.collections.pop();
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let number = self.state.begin();
            map.next_value_seed(Object { state: self.state, own: Some(number) })?;
            self.state.collections[number].fields.insert("name".to_owned(), Value::String(name));
        }
        Ok(())
    }
}

struct Points<'s, 'a, 'b> {
    state: &'s mut State<'a, 'b>,
    number: usize,
}

impl<'de> DeserializeSeed<'de> for Points<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Points<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of points")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(point) = list.next_element::<Box<RawValue>>()? {
            self.state.collections[self.number].points += 1;
            if let Err(flaw) = (self.state.on_point)(self.number, point.get()) {
                self.state.flaw = Some(flaw);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<(ExportDraft, Vec<(usize, String)>), ExportError> {
        let mut points = Vec::new();
        let draft = read(text.as_bytes(), &mut |number, point| {
            points.push((number, point.to_owned()));
            Ok(())
        })?;
        Ok((draft, points))
    }

    #[test]
    fn points_pass_by_as_they_are_written() {
        let text = r#"{"other":[1,{"points":[9]}],"collections":[{"points":[{"id": 1},{"id":2}],"name":"a"},{"name":"b","points":[]}]}"#;
        let (draft, points) = read_text(text).expect("read");
        assert_eq!(points, [(0, "{\"id\": 1}".to_owned()), (0, "{\"id\":2}".to_owned())]);
        let names: Vec<_> = draft.collections.iter().map(|one| (&one.fields["name"], one.points)).collect();
        assert_eq!(names, [(&Value::from("a"), 2), (&Value::from("b"), 0)]);
        assert!(draft.fields.is_empty(), "what is not known is not kept");
    }

    #[test]
    fn collections_by_name_and_a_single_one() {
        let (draft, points) = read_text(r#"{"collections":{"a":{"points":[1]},"b":{}}}"#).expect("read");
        assert_eq!(draft.collections[1].fields["name"], "b");
        assert_eq!(points, [(0, "1".to_owned())]);
        let (draft, points) = read_text(r#"{"points":[1,2],"name":"a"}"#).expect("read");
        assert_eq!((draft.collections.len(), points.len()), (1, 2));
        assert_eq!(draft.collections[0].fields["name"], "a");
    }

    #[test]
    fn what_is_cut_off_or_broken_or_goes_on_is_told() {
        let text = r#"{"collections":[{"name":"a","points":[{"id":1},{"id":2}]}]}"#;
        for end in 1..text.len() {
            assert!(matches!(read_text(&text[..end]), Err(ExportError::Cut)), "{}", &text[..end]);
        }
        assert!(matches!(read_text(&format!("{text}{{}}")), Err(ExportError::Malformed(_))));
        assert!(matches!(read_text("[]"), Err(ExportError::Malformed(_))));
        assert!(matches!(read_text(&text.replace("},{", "}{")), Err(ExportError::Malformed(_))));
    }

    #[test]
    fn who_looks_at_the_points_can_stop() {
        let stopped = read(br#"{"points":[1,2]}"#.as_slice(), &mut |_, _| Err(ExportError::Ending));
        assert!(matches!(stopped, Err(ExportError::Ending)));
    }
}
