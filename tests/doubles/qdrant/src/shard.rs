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
    /// The last operation that succeeded, as the server tells it: see [`AppliedSeq`].
    applied: AppliedSeq,
    /// The last number given out.
    last: u64,
}

/// The real server's counter of operations. It is saved only now and then, and the log that is replayed at a start does
/// not count: after a restart it goes back, and stands still until something is written
/// (`lib/collection/src/update_workers/applied_seq.rs` of 1.19.0).
#[derive(Debug)]
struct AppliedSeq {
    path: PathBuf,
    op: u64,
    updates: u64,
}

impl AppliedSeq {
    const SAVE_INTERVAL: u64 = 64;

    fn load(dir: &Path, last_of_log: u64) -> Outcome<Self> {
        let path = dir.join("applied_seq.json");
        let saved = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .and_then(|value| value["op_num"].as_u64());
        let loaded = Self { path, op: saved.unwrap_or(last_of_log), updates: 0 };
        if saved.is_none() {
            loaded.save()?;
        }
        Ok(loaded)
    }

    fn update(&mut self, op: u64) -> Outcome<()> {
        self.op = op;
        let before = self.updates;
        self.updates += 1;
        if before > 0 && before.is_multiple_of(Self::SAVE_INTERVAL) { self.save() } else { Ok(()) }
    }

    fn save(&self) -> Outcome<()> {
        Ok(disk::write_json(&self.path, &json!({ "op_num": self.op }))?)
    }
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
        let newest = segments.iter().map(|segment| segment.version).max();
        let (wal, entries) = Wal::open(&dir.join("wal"), schema.wal_capacity())?;
        let logged = entries.iter().map(|entry| entry.op).max();
        let last = newest.max(logged).max(wal.acknowledged()).unwrap_or(0);
        let applied = AppliedSeq::load(&dir, last)?;
        let mut shard = Self { id, dir, segments, points, wal, applied, last };
        for entry in entries.into_iter().filter(|entry| !entry.void) {
            shard.apply(entry);
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
        self.last = op;
        self.apply(entry);
        self.applied.update(op)?;
        Ok(op)
    }

    /// An operation that fails after some of its points were changed: it is in the log, but it does not count.
    pub(crate) fn write_half(&mut self, put: Vec<Point>) -> Outcome<()> {
        self.last += 1;
        let op = self.last;
        let put = put.into_iter().map(|point| Point { version: op, ..point }).collect();
        let entry = Entry { op, put, ..Entry::default() };
        self.wal.append(&entry)?;
        self.apply(entry);
        Ok(())
    }

    /// The last operation that succeeded, as the telemetry has it.
    pub(crate) fn op_num(&self) -> u64 {
        self.applied.op
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
        Ok(())
    }

    /// Flush, then forget the log.
    pub(crate) fn checkpoint(&mut self, schema: &Schema) -> Outcome<()> {
        self.flush(schema)?;
        disk::write_json(&self.dir.join("newest_clocks.json"), &json!({ "clocks": [] }))?;
        disk::write_json(&self.dir.join("oldest_clocks.json"), &json!({ "clocks": [] }))?;
        self.wal.clear(self.last)?;
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
