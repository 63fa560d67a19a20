//! Fixtures for the tests of this driver: a container, a store, and a server's contents.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::backup::fingerprint::sample::{Sample, SampledPoint, VectorSummary};
use crate::backup::fingerprint::write_position::{ShardPosition, WritePosition};
use crate::backup::fingerprint::{CollectionFingerprint, QdrantFingerprint};
use crate::engine::{Container, ContainerState};
use crate::inventory::{Store, StoreKind};

pub(crate) fn container() -> Container {
    Container {
        id: "c".into(),
        name: "stack-qdrant-1".into(),
        state: ContainerState::Running,
        image: "qdrant/qdrant:v1.19.0".into(),
        image_id: String::new(),
        environment: BTreeMap::new(),
        user: String::new(),
        labels: BTreeMap::new(),
        mounts: Vec::new(),
        ports: Vec::new(),
        addresses: BTreeMap::new(),
        network_mode: "bridge".into(),
        created: String::new(),
        started: None,
        finished: None,
        health: None,
        exit_code: 0,
        command: Vec::new(),
    }
}

pub(crate) fn store(container: Container) -> Store {
    Store {
        id: "qdrant".into(),
        service: "qdrant".into(),
        kind: StoreKind::Qdrant,
        container: Some(container),
        image: None,
        locations: Vec::new(),
    }
}

/// `config` as a 1.19.0 server reports it.
pub(crate) fn config() -> Value {
    json!({
        "params": {
            "vectors": {
                "imagem": { "size": 3, "distance": "Euclid", "on_disk": true },
                "texto": { "size": 4, "distance": "Cosine" }
            },
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": true,
            "sparse_vectors": { "termos": {} }
        },
        "hnsw_config": { "m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": false },
        "optimizer_config": {
            "deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 2, "max_segment_size": null,
            "memmap_threshold": null, "indexing_threshold": 10000, "flush_interval_sec": 5, "max_optimization_threads": null,
            "prevent_unoptimized": null
        },
        "wal_config": { "wal_capacity_mb": 1, "wal_segments_ahead": 0, "wal_retain_closed": 1 },
        "quantization_config": null
    })
}

pub(crate) fn collection(points: u64) -> CollectionFingerprint {
    CollectionFingerprint {
        points: Some(points),
        points_after: None,
        status: "green".into(),
        unreadable: None,
        config: config(),
        payload_schema: json!({ "cozinha": { "data_type": "keyword" } }),
        sample: Some(sample()),
        write_position: Some(WritePosition {
            shards: vec![ShardPosition { op_num: points, ..ShardPosition::default() }],
        }),
    }
}

/// Nine points.
pub(crate) fn sample() -> Sample {
    let vectors = BTreeMap::from([("texto".to_owned(), VectorSummary::of([(0, 0.6), (1, 0.8)]))]);
    let point =
        |id: u64| SampledPoint { id: id.to_string(), payload_sha256: "p".into(), vectors: vectors.clone() };
    Sample { slices: 1, complete: true, points: (1..=9).map(point).collect() }
}

/// Two collections, one alias.
pub(crate) fn server() -> QdrantFingerprint {
    QdrantFingerprint {
        version: "1.19.0".into(),
        collections: BTreeMap::from([("livros".into(), collection(7)), ("receitas".into(), collection(50))]),
        aliases: BTreeMap::from([("atual".into(), "receitas".into())]),
    }
}
