//! A sample of a collection's points: enough to detect lost and damaged points without reading all of them.
//!
//! Counts alone miss the corruption that is reported most: all points exist, but their vectors are zeros (qdrant#6676,
//! #7610, #7644).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Points chosen by their ids alone, so that the same points are chosen the next time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// One in this many points was sampled, by the server's own `slice`; 0 if the server has no slices and the first
    /// points by id were sampled.
    pub slices: u64,
    /// Whether these are all points of the slice. Called `whole` in older files.
    #[serde(alias = "whole")]
    pub complete: bool,
    pub points: Vec<SampledPoint>,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampledPoint {
    /// As JSON prints it: `7`, `"3ec5258e-7842-412f-823e-156a5b972227"`.
    pub id: String,
    /// SHA-256 of the payload with its keys sorted, lowercase hex. Called `payload` in older files.
    #[serde(alias = "payload")]
    pub payload_sha256: String,
    /// By name; the unnamed vector has an empty name.
    pub vectors: BTreeMap<String, VectorSummary>,
}

/// A summary of a vector: two numbers that change with every component.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VectorSummary {
    /// The number of components.
    pub len: u64,
    /// Its Euclidean length.
    pub norm: f64,
    /// Its product with a fixed sequence, which tells vectors of the same length apart.
    pub projection: f64,
}

/// By how much two lengths may differ, relative to the longer one: servers normalize vectors for cosine distance in
/// `f32`, which may change the last bits when a vector is written again.
const TOLERANCE: f64 = 1e-3;

impl VectorSummary {
    /// Summarizes components, each with its index.
    pub fn of(numbers: impl IntoIterator<Item = (u64, f64)>) -> Self {
        let (mut len, mut square, mut projection) = (0, 0.0, 0.0);
        for (place, number) in numbers {
            len += 1;
            square += number * number;
            projection += number * weight(place);
        }
        Self { len, norm: f64::sqrt(square), projection }
    }

    pub fn is_zero(&self) -> bool {
        self.len > 0 && self.norm == 0.0
    }

    fn is_near(&self, other: &Self) -> bool {
        let allowed = TOLERANCE * self.norm.max(other.norm);
        self.len == other.len
            && (self.norm - other.norm).abs() <= allowed
            && (self.projection - other.projection).abs() <= allowed
    }
}

/// Between -1 and 1, and different for each index.
fn weight(place: u64) -> f64 {
    // The finaliser of SplitMix64.
    let mut mixed = place.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let unit = f64::from(u32::try_from(mixed >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    unit.mul_add(2.0, -1.0)
}

/// How the points of one sample differ in another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Divergence {
    /// Points of the first sample that the other one covers.
    pub of: u64,
    pub missing: u64,
    /// Points with a different payload or different vectors.
    pub changed: u64,
    /// Changed points with a vector that has become zero.
    pub zeroed: u64,
}

impl Divergence {
    pub fn is_none(self) -> bool {
        self.missing == 0 && self.changed == 0
    }

    /// Whether every point differs, of enough points to say so.
    pub fn is_total(self) -> bool {
        self.of >= 8 && self.missing + self.changed == self.of
    }
}

impl Sample {
    /// How these points differ in a later sample.
    pub fn diverges(&self, now: &Self) -> Divergence {
        let mut found = Divergence::default();
        for before in &self.points {
            match now.points.iter().find(|point| point.id == before.id) {
                Some(after) => {
                    found.of += 1;
                    found.changed += u64::from(before.is_changed(after));
                    found.zeroed += u64::from(before.is_zeroed(after));
                }
                // Another slice need not contain it.
                None if now.slices == self.slices && now.complete => {
                    found.of += 1;
                    found.missing += 1;
                }
                None => {}
            }
        }
        found
    }
}

impl SampledPoint {
    fn is_changed(&self, now: &Self) -> bool {
        let near = |name: &String, shape: &VectorSummary| {
            now.vectors.get(name).is_some_and(|now| shape.is_near(now))
        };
        self.payload_sha256 != now.payload_sha256
            || self.vectors.len() != now.vectors.len()
            || self.vectors.iter().any(|(name, shape)| !near(name, shape))
    }

    fn is_zeroed(&self, now: &Self) -> bool {
        let zeroed = |name: &String| now.vectors.get(name).is_some_and(VectorSummary::is_zero);
        self.vectors.iter().any(|(name, shape)| !shape.is_zero() && zeroed(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(numbers: &[f64]) -> VectorSummary {
        VectorSummary::of((0..).zip(numbers.iter().copied()))
    }

    fn point(id: u64, numbers: &[f64]) -> SampledPoint {
        let vectors = BTreeMap::from([(String::new(), shape(numbers))]);
        SampledPoint { id: id.to_string(), payload_sha256: "p".into(), vectors }
    }

    fn sample(points: Vec<SampledPoint>) -> Sample {
        Sample { slices: 1, complete: true, points }
    }

    #[test]
    fn a_shape_tells_values_and_places() {
        let original = shape(&[0.1, -0.2, 0.3]);
        assert!(original.is_near(&shape(&[0.100_001, -0.2, 0.3])));
        for other in [&[0.1, 0.2, 0.3][..], &[-0.2, 0.1, 0.3], &[0.1, -0.2], &[0.1, -0.2, 0.31], &[0.0; 3]] {
            assert!(!original.is_near(&shape(other)), "{other:?}");
        }
        assert!(shape(&[0.0, 0.0]).is_zero() && !original.is_zero());
        assert!(!shape(&[]).is_zero(), "nothing is not zero");
    }

    #[test]
    fn what_is_missing_changed_and_zeroed() {
        let before = sample((1..=4).map(|id| point(id, &[1.0, 2.0])).collect());
        assert!(before.diverges(&before).is_none());
        let mut now = before.clone();
        now.points.remove(0);
        now.points[0].payload_sha256 = "q".into();
        now.points[1] = point(3, &[0.0, 0.0]);
        let found = before.diverges(&now);
        assert_eq!(found, Divergence { of: 4, missing: 1, changed: 2, zeroed: 1 });
        assert!(!found.is_total());
    }

    #[test]
    fn what_another_slice_need_not_have_is_not_missing() {
        let before = sample((1..=4).map(|id| point(id, &[1.0])).collect());
        let mut now = before.clone();
        now.points.truncate(2);
        now.slices = 2;
        assert_eq!(before.diverges(&now), Divergence { of: 2, ..Divergence::default() });
        (now.slices, now.complete) = (1, false);
        assert!(before.diverges(&now).is_none());
    }

    #[test]
    fn more_points_and_more_vectors_are_told_apart() {
        let before = sample(vec![point(1, &[1.0])]);
        let mut now = sample(vec![point(1, &[1.0]), point(2, &[1.0])]);
        assert!(before.diverges(&now).is_none(), "a new point is no loss");
        now.points[0].vectors.insert("b".into(), shape(&[1.0]));
        assert_eq!(before.diverges(&now).changed, 1);
    }
}
