//! One collection: its configuration, its payload schema and its shards.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::disk;
use crate::fault::{Fault, Outcome};
use crate::filter;
use crate::point::{Payload, Point, PointId, Record, UNNAMED, Vector, Vectors, WithPayload, WithVector};
use crate::schema::Schema;
use crate::shard::Shard;

/// The version of the collection format, the same from server 1.5 to 1.19.
pub(crate) const VERSION: &str = "0.4.2";

#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) schema: Schema,
    /// Field name to index schema, as it was asked for.
    pub(crate) indexed: Map<String, Value>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) snapshots_taken: u64,
}

/// A `scroll` request.
#[derive(Debug, Deserialize)]
pub(crate) struct Scroll {
    pub(crate) offset: Option<PointId>,
    pub(crate) limit: Option<usize>,
    pub(crate) filter: Option<Value>,
    pub(crate) with_payload: Option<WithPayload>,
    #[serde(alias = "with_vectors")]
    pub(crate) with_vector: Option<WithVector>,
    pub(crate) order_by: Option<Value>,
}

/// Which points an operation is about.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Selector {
    pub(crate) points: Option<Vec<PointId>>,
    pub(crate) filter: Option<Value>,
}

/// New values for some vectors of a point, by name; `None` removes one.
pub(crate) type VectorChange = (PointId, Vec<(String, Option<Vector>)>);

/// How a payload operation changes a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadChange {
    Merge,
    Replace,
    DeleteKeys,
    Clear,
}

impl Collection {
    /// Write a new, empty collection into `dir`, which must not exist.
    pub(crate) fn create(dir: &Path, schema: &Schema, peer: u64) -> Outcome<()> {
        for id in 0..schema.shards() {
            Shard::create(dir, id, peer, schema, &Map::new())?;
        }
        disk::write(&dir.join("version.info"), VERSION.as_bytes())?;
        disk::write(&dir.join("shard_key_mapping.json"), b"[]")?;
        disk::write_json(&dir.join("payload_index.json"), &json!({ "schema": {} }))?;
        disk::write_json(&dir.join("config.json"), schema.stored())?;
        Ok(())
    }

    pub(crate) fn load(dir: &Path, name: &str) -> Outcome<Self> {
        let schema = Schema::load(serde_json::from_slice(&fs::read(dir.join("config.json"))?)?)?;
        let indexed = match fs::read(dir.join("payload_index.json")) {
            Ok(bytes) => serde_json::from_slice::<Value>(&bytes)?["schema"].as_object().cloned(),
            Err(_) => None,
        }
        .unwrap_or_default();
        let shards = (0..schema.shards()).map(|id| Shard::load(dir, id, &schema)).collect::<Outcome<_>>()?;
        Ok(Self { name: name.to_owned(), dir: dir.to_owned(), schema, indexed, shards, snapshots_taken: 0 })
    }

    pub(crate) fn patch(&mut self, body: &Value) -> Outcome<()> {
        let mut schema = self.schema.clone();
        schema.patch(body)?;
        disk::write_json(&self.dir.join("config.json"), schema.stored())?;
        self.schema = schema;
        Ok(())
    }

    pub(crate) fn shard(&self, id: u32) -> Outcome<&Shard> {
        self.shards
            .iter()
            .find(|shard| shard.id == id)
            .ok_or_else(|| Fault::NotFound(format!("shard {id} not found")))
    }

    fn home(&self, id: PointId) -> usize {
        // Another modulus than the segments', so that both spread.
        usize::try_from(id.slice(1 << 32) % self.shards.len().max(1) as u64).unwrap_or(0)
    }

    pub(crate) fn get(&self, id: PointId) -> Option<&Point> {
        self.shards.get(self.home(id))?.get(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.points().count()).sum()
    }

    /// All points that pass `filter`, in id order.
    pub(crate) fn select(&self, filter: Option<&Value>) -> Outcome<Vec<&Point>> {
        let mut found = Vec::new();
        for point in self.shards.iter().flat_map(Shard::points) {
            if filter.map_or(Ok(true), |filter| filter::matches(filter, point))? {
                found.push(point);
            }
        }
        found.sort_by_key(|point| point.id);
        Ok(found)
    }

    pub(crate) fn count(&self, filter: Option<&Value>, exact: bool) -> Outcome<usize> {
        if exact && self.schema.strict("search_allow_exact") == Some(&Value::Bool(false)) {
            return Err(strict("Exact search disabled!", "Set exact=false."));
        }
        Ok(self.select(filter)?.len())
    }

    pub(crate) fn scroll(&self, request: &Scroll) -> Outcome<(Vec<Record>, Option<PointId>)> {
        let limit = request.limit.unwrap_or(10);
        if limit == 0 {
            return Err(Fault::body("[scroll_request.limit: value 0 invalid, must be 1 or larger]"));
        }
        if request.order_by.is_some() {
            return Err(Fault::BadRequest("this stand-in does not order a scroll".into()));
        }
        if let Some(most) = self.schema.strict("max_query_limit").and_then(Value::as_u64)
            && limit as u64 > most
        {
            let error = format!("Limit exceeded {limit} > {most} for \"limit\"");
            return Err(strict(&error, &format!("Reduce the \"limit\" parameter to or below {most}.")));
        }
        let payload = request.with_payload.as_ref().unwrap_or(&WithPayload::All(true));
        let vector = request.with_vector.as_ref().unwrap_or(&WithVector::All(false));
        self.check_names(vector)?;
        let found = self.select(request.filter.as_ref())?;
        let mut rest =
            found.into_iter().skip_while(|point| request.offset.is_some_and(|from| point.id < from));
        let page = rest.by_ref().take(limit).map(|point| Record::of(point, payload, vector)).collect();
        Ok((page, rest.next().map(|point| point.id)))
    }

    fn resolve(&self, selector: &Selector) -> Outcome<Vec<PointId>> {
        match (&selector.points, &selector.filter) {
            (Some(ids), _) => Ok(ids.clone()),
            (None, Some(filter)) => Ok(self.select(Some(filter))?.iter().map(|point| point.id).collect()),
            (None, None) => Err(Fault::Format("Either list of point ids or filter must be provided".into())),
        }
    }

    /// Apply one operation to all shards it concerns, and give its number.
    fn write(&mut self, step: u64, put: Vec<Point>, del: Vec<PointId>) -> Outcome<u64> {
        let count = self.shards.len();
        if count == 0 {
            return Err(Fault::bad_input("Shard key not specified"));
        }
        let mut parts: Vec<(Vec<Point>, Vec<PointId>)> = (0..count).map(|_| Default::default()).collect();
        for point in put {
            let home = self.home(point.id);
            parts[home].0.push(point);
        }
        for id in del {
            let home = self.home(id);
            parts[home].1.push(id);
        }
        let everywhere = parts.iter().all(|(put, del)| put.is_empty() && del.is_empty());
        let mut last = 0;
        for (shard, (put, del)) in self.shards.iter_mut().zip(parts) {
            if everywhere || !put.is_empty() || !del.is_empty() {
                last = last.max(shard.write(step, put, del)?);
                if shard.wants_flush() {
                    shard.checkpoint(&self.schema)?;
                }
            }
        }
        Ok(last)
    }

    pub(crate) fn upsert(&mut self, points: Vec<Point>) -> Outcome<u64> {
        if points.is_empty() {
            return Err(Fault::BadRequest("Empty update request".into()));
        }
        points.iter().try_for_each(|point| self.schema.check_dimensions(&point.vector))?;
        let points = points
            .into_iter()
            .map(|point| Ok(Point { vector: self.schema.store(point.vector)?, ..point }))
            .collect::<Outcome<_>>();
        let points = self.or_burn(points)?;
        self.write(1, points, Vec::new())
    }

    /// Pass on what checking an operation gave; when it was refused, its number is used up all the same.
    fn or_burn<T>(&mut self, checked: Outcome<T>) -> Outcome<T> {
        if checked.is_err()
            && let Some(shard) = self.shards.first_mut()
        {
            shard.burn()?;
        }
        checked
    }

    /// Refuse names of vectors that the collection does not have.
    pub(crate) fn check_names(&self, wanted: &WithVector) -> Outcome<()> {
        match wanted {
            WithVector::All(_) => Ok(()),
            WithVector::Names(names) => names.iter().try_for_each(|name| self.schema.check_name(name)),
        }
    }

    pub(crate) fn delete(&mut self, selector: &Selector) -> Outcome<u64> {
        if selector.points.is_none() && selector.filter.is_none() {
            return Err(Fault::Format(
                "data did not match any variant of untagged enum PointsSelector".into(),
            ));
        }
        let ids = self.resolve(selector)?;
        self.write(1, Vec::new(), ids)
    }

    pub(crate) fn change_payload(
        &mut self,
        selector: &Selector,
        change: PayloadChange,
        payload: &Payload,
    ) -> Outcome<u64> {
        let mut changed = Vec::new();
        let mut missing = None;
        for id in self.resolve(selector)? {
            let Some(mut point) = self.get(id).cloned() else {
                missing = Some(id);
                continue;
            };
            match change {
                PayloadChange::Merge => point.payload.extend(payload.clone()),
                PayloadChange::Replace => point.payload.clone_from(payload),
                PayloadChange::DeleteKeys => point.payload.retain(|key, _| !payload.contains_key(key)),
                PayloadChange::Clear => point.payload.clear(),
            }
            changed.push(point);
        }
        if let Some(id) = missing {
            return self.write_half(changed).and(Err(no_point(id)));
        }
        self.write(1, changed, Vec::new())
    }

    /// As the real server: an operation on points of which some are missing changes the others, and fails then.
    fn write_half(&mut self, changed: Vec<Point>) -> Outcome<()> {
        let mut parts: Vec<Vec<Point>> = self.shards.iter().map(|_| Vec::new()).collect();
        for point in changed {
            let home = self.home(point.id);
            parts[home].push(point);
        }
        for (shard, part) in self.shards.iter_mut().zip(parts) {
            if part.is_empty() { shard.burn()? } else { shard.write_half(part)? }
        }
        Ok(())
    }

    /// Change some vectors of existing points.
    pub(crate) fn change_vectors(&mut self, changes: Vec<VectorChange>) -> Outcome<u64> {
        let mut written = Vec::new();
        for (id, vectors) in changes {
            let point = self.get(id).cloned().ok_or_else(|| no_point(id));
            let mut point = self.or_burn(point)?;
            for (name, vector) in vectors {
                if let Some(vector) = vector {
                    let vectors = Vectors([(name, vector)].into());
                    self.schema.check_dimensions(&vectors)?;
                    let stored = self.schema.store(vectors);
                    point.vector.0.extend(self.or_burn(stored)?.0);
                } else {
                    let known = self.schema.check_name(&name);
                    self.or_burn(known)?;
                    point.vector.0.remove(&name);
                }
            }
            written.push(point);
        }
        self.write(1, written, Vec::new())
    }

    /// Index a field. Creating or dropping an index takes two operation numbers on the real server.
    pub(crate) fn index(&mut self, field: &str, schema: Option<Value>) -> Outcome<u64> {
        if let Some(schema) = schema {
            self.indexed.insert(field.to_owned(), schema);
        } else {
            self.indexed.shift_remove(field);
            for shard in &self.shards {
                let directory = shard.segments_dir();
                for segment in &shard.segments {
                    segment.drop_index(&directory, field)?;
                }
            }
        }
        disk::write_json(&self.dir.join("payload_index.json"), &json!({ "schema": self.indexed }))?;
        for shard in &self.shards {
            for segment in &shard.segments {
                segment.write_layout(&shard.segments_dir(), &self.schema, &self.indexed)?;
            }
        }
        self.write(2, Vec::new(), Vec::new())
    }

    /// How many points carry an indexed value at `field`.
    pub(crate) fn indexed_points(&self, field: &str) -> usize {
        let carries = |point: &&Point| {
            filter::flat(filter::values(&point.payload, field)).iter().any(|value| !value.is_null())
        };
        self.shards.iter().flat_map(Shard::points).filter(carries).count()
    }

    pub(crate) fn payload_schema(&self) -> Map<String, Value> {
        self.indexed
            .iter()
            .map(|(field, schema)| {
                let mut shown = Map::new();
                match schema {
                    Value::Object(params) => {
                        shown.insert("data_type".into(), params.get("type").cloned().unwrap_or(Value::Null));
                        shown.insert("params".into(), schema.clone());
                    }
                    simple => drop(shown.insert("data_type".into(), simple.clone())),
                }
                shown.insert("points".into(), self.indexed_points(field).into());
                (field.clone(), Value::Object(shown))
            })
            .collect()
    }

    /// Values of `key` with the number of points that carry each, most frequent first.
    pub(crate) fn facet(
        &self,
        key: &str,
        filter: Option<&Value>,
        limit: usize,
    ) -> Outcome<Vec<(Value, usize)>> {
        if !self.indexed.contains_key(key) {
            return Err(Fault::bad_input(format!(
                "No appropriate index for faceting: `{key}`. Please create one to facet on this field. Check https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support Match conditions"
            )));
        }
        let mut hits: Vec<(Value, usize)> = Vec::new();
        for point in self.select(filter)? {
            let mut seen: Vec<&Value> = Vec::new();
            for value in filter::flat(filter::values(&point.payload, key)) {
                if !seen.contains(&value) && (value.is_string() || value.is_i64() || value.is_boolean()) {
                    seen.push(value);
                }
            }
            for value in seen {
                match hits.iter_mut().find(|(known, _)| known == value) {
                    Some((_, count)) => *count += 1,
                    None => hits.push((value.clone(), 1)),
                }
            }
        }
        hits.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.to_string().cmp(&b.0.to_string())));
        hits.truncate(limit);
        Ok(hits)
    }

    /// Sparse vectors are indexed as they come; dense ones stay below the threshold of a test.
    pub(crate) fn indexed_vectors(&self) -> usize {
        let sparse: Vec<_> = self.schema.sparse_names().collect();
        self.shards
            .iter()
            .flat_map(Shard::points)
            .map(|point| sparse.iter().filter(|name| point.vector.0.contains_key(**name)).count())
            .sum()
    }

    pub(crate) fn segments(&self) -> usize {
        self.shards.iter().map(|shard| shard.segments.len()).sum()
    }

    pub(crate) fn flush(&mut self) -> Outcome<()> {
        for shard in &mut self.shards {
            shard.flush(&self.schema)?;
        }
        Ok(())
    }

    pub(crate) fn checkpoint(&mut self) -> Outcome<()> {
        for shard in &mut self.shards {
            shard.checkpoint(&self.schema)?;
        }
        Ok(())
    }

    /// Write one more point, a copy of the last one under a new number.
    pub(crate) fn write_behind_the_back(&mut self) -> Outcome<()> {
        let all = self.select(None)?;
        let highest =
            all.iter().filter_map(|p| if let PointId::Num(n) = p.id { Some(n) } else { None }).max();
        let id = PointId::Num(highest.unwrap_or(0) + 1);
        let template = all.last().map(|point| (*point).clone());
        let (payload, vector) = template.map_or_else(Default::default, |p| (p.payload, p.vector));
        self.write(1, vec![Point { id, version: 0, payload, vector }], Vec::new())?;
        Ok(())
    }

    pub(crate) fn remove_all_points(&mut self) -> Outcome<()> {
        let ids = self.select(None)?.iter().map(|point| point.id).collect();
        self.write(1, Vec::new(), ids)?;
        Ok(())
    }
}

/// How many bytes a point's vectors take in memory.
pub(crate) fn vector_bytes(point: &Point) -> usize {
    point
        .vector
        .0
        .values()
        .map(|vector| match vector {
            Vector::Dense(values) => 4 * values.len(),
            Vector::Multi(rows) => rows.iter().map(|row| 4 * row.len()).sum(),
            Vector::Sparse(sparse) => 8 + 8 * sparse.indices.len(),
        })
        .sum()
}

/// The vector names a telemetry reader sees; an unnamed vector has the empty name.
pub(crate) fn vector_names(schema: &Schema) -> Vec<String> {
    let dense = schema.dense_names().map(|(name, _)| name);
    dense
        .chain(schema.sparse_names())
        .map(|name| if name == UNNAMED { String::new() } else { name.to_owned() })
        .collect()
}

fn no_point(id: PointId) -> Fault {
    Fault::NotFound(format!("No point with id {id} found"))
}

fn strict(error: &str, help: &str) -> Fault {
    Fault::BadRequest(format!("{error}. Help: {help}"))
}
