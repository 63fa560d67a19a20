//! One shard of a collection: its points in memory, and the log and segments that keep them.
//!
//! Invariant: memory holds exactly what the segments plus the log hold; see [`crate::disk::Wal`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::disk::{self, Entry, Wal};
use crate::fault::{Fault, Outcome};
use crate::point::{Point, PointId};
use crate::schema::Schema;
use crate::segment::{Manifest, Segment};

/// The log is folded into the segments when it has grown this large.
const FLUSH_ABOVE: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) id: u32,
    pub(crate) dir: PathBuf,
    pub(crate) segments: Vec<Segment>,
    /// Each point with the index of its segment.
    points: BTreeMap<PointId, (usize, Point)>,
    wal: Wal,
    /// The number of the last operation that succeeded.
    pub(crate) op: u64,
    /// The last number given out.
    last: u64,
}

impl Shard {
    pub(crate) fn create(
        dir: &Path,
        id: u32,
        peer: u64,
        schema: &Schema,
        indexed: &Map<String, Value>,
    ) -> Outcome<()> {
        let dir = dir.join(id.to_string());
        let segments = dir.join("segments");
        for _ in 0..schema.segment_number() {
            Segment::create(&segments, schema, indexed)?;
        }
        Wal::open(&dir.join("wal"), schema.wal_capacity())?;
        disk::write_json(
            &dir.join("replica_state.json"),
            &json!({ "is_local": true, "this_peer_id": peer, "peers": { peer.to_string(): "Active" } }),
        )?;
        disk::write_json(&dir.join("shard_config.json"), &json!({ "type": "ReplicaSet" }))?;
        Ok(())
    }

    /// Read a shard directory. Segments without `version.info` are deleted, as the real server does.
    pub(crate) fn load(dir: &Path, id: u32, schema: &Schema) -> Outcome<Self> {
        let dir = dir.join(id.to_string());
        if !dir.join("shard_config.json").exists() {
            return Err(Fault::service(format!("Failed to check shard path {}", dir.display())));
        }
        let mut segments = Vec::new();
        let mut points = BTreeMap::new();
        let mut directories: Vec<_> = fs::read_dir(dir.join("segments"))?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        directories.sort();
        for path in directories {
            if let Some((segment, loaded)) = Segment::load(&path)? {
                for point in loaded {
                    points.insert(point.id, (segments.len(), point));
                }
                segments.push(segment);
            } else {
                crate::log(format_args!("WARN Deleting segment without version file: {}", path.display()));
                fs::remove_dir_all(&path)?;
            }
        }
        if segments.is_empty() {
            segments.push(Segment::create(&dir.join("segments"), schema, &Map::new())?);
        }
        let applied = fs::read(dir.join("applied_seq.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .and_then(|value| value["op_num"].as_u64());
        let newest = segments.iter().map(|segment| segment.version).max();
        let (wal, entries) = Wal::open(&dir.join("wal"), schema.wal_capacity())?;
        let op = applied.max(newest).unwrap_or(0);
        let mut shard = Self { id, dir, segments, points, wal, op, last: op };
        for entry in entries {
            shard.last = shard.last.max(entry.op);
            if !entry.void {
                shard.op = shard.op.max(entry.op);
                shard.apply(entry);
            }
        }
        Ok(shard)
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.values().map(|(_, point)| point)
    }

    pub(crate) fn get(&self, id: PointId) -> Option<&Point> {
        self.points.get(&id).map(|(_, point)| point)
    }

    /// Log and apply one operation; its number is the last one plus `step`. Points get that number as version.
    pub(crate) fn write(&mut self, step: u64, put: Vec<Point>, del: Vec<PointId>) -> Outcome<u64> {
        let op = self.last + step;
        let put = put.into_iter().map(|point| Point { version: op, ..point }).collect();
        let entry = Entry { op, put, del, void: false };
        self.wal.append(&entry)?;
        (self.op, self.last) = (op, op);
        self.apply(entry);
        Ok(op)
    }

    /// Use up a number for an operation that was refused, as the real server does: it logs before it looks.
    pub(crate) fn burn(&mut self) -> Outcome<()> {
        self.last += 1;
        self.wal.append(&Entry { op: self.last, void: true, ..Entry::default() })?;
        Ok(())
    }

    fn apply(&mut self, entry: Entry) {
        for id in entry.del {
            if let Some((home, _)) = self.points.remove(&id) {
                self.touch(home, entry.op);
            }
        }
        for point in entry.put {
            let spread = point.id.slice(self.segments.len() as u64);
            let fresh = usize::try_from(spread).unwrap_or(0);
            let home = self.points.get(&point.id).map_or(fresh, |(home, _)| *home);
            self.touch(home, entry.op);
            self.points.insert(point.id, (home, point));
        }
    }

    fn touch(&mut self, home: usize, op: u64) {
        let segment = &mut self.segments[home];
        segment.version = segment.version.max(op);
        segment.clean = false;
    }

    pub(crate) fn in_segment(&self, index: usize) -> impl Iterator<Item = &Point> {
        self.points.values().filter(move |(home, _)| *home == index).map(|(_, point)| point)
    }

    pub(crate) fn wants_flush(&self) -> bool {
        self.wal.used() > FLUSH_ABOVE
    }

    /// Bring the segments up to date. The log stays until [`Shard::checkpoint`], as the real one does for a while.
    pub(crate) fn flush(&mut self, schema: &Schema) -> Outcome<()> {
        let directory = self.segments_dir();
        for (index, segment) in self.segments.iter_mut().enumerate() {
            let points: Vec<_> =
                self.points.values().filter(|(home, _)| *home == index).map(|(_, point)| point).collect();
            segment.flush(&directory, schema, &points)?;
        }
        disk::write_json(&self.dir.join("applied_seq.json"), &json!({ "op_num": self.op }))?;
        Ok(())
    }

    /// Flush, then forget the log.
    pub(crate) fn checkpoint(&mut self, schema: &Schema) -> Outcome<()> {
        self.flush(schema)?;
        disk::write_json(&self.dir.join("newest_clocks.json"), &json!({ "clocks": [] }))?;
        disk::write_json(&self.dir.join("oldest_clocks.json"), &json!({ "clocks": [] }))?;
        self.wal.clear()?;
        Ok(())
    }

    pub(crate) fn segments_dir(&self) -> PathBuf {
        self.dir.join("segments")
    }

    pub(crate) fn manifest(&self) -> Outcome<BTreeMap<String, Manifest>> {
        let directory = self.segments_dir();
        self.segments
            .iter()
            .map(|segment| Ok((segment.uuid.to_string(), segment.manifest(&directory)?)))
            .collect()
    }
}
