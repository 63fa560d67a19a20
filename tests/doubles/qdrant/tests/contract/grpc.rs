//! The gRPC calls that safe-compose makes, through the client it makes them with, on either server.

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vector_output::Vector as Out;
use qdrant_client::qdrant::{
    CountPointsBuilder, CreateAliasBuilder, CreateCollectionBuilder, DeleteSnapshotRequestBuilder, Distance,
    GetPointsBuilder, PointId, PointStruct, ScrollPointsBuilder, UpsertPointsBuilder, VectorParamsBuilder,
    vectors_output,
};
use qdrant_client::{Payload, Qdrant};
use serde_json::json;

use crate::peer::Peer;

fn client(peer: &Peer) -> Qdrant {
    Qdrant::from_url(&peer.grpc).skip_compatibility_check().build().unwrap()
}

#[tokio::test]
async fn collections_points_and_snapshots() {
    let peer = Peer::new().await;
    if peer.grpc.is_empty() {
        return peer.clean().await;
    }
    let grpc = client(&peer);
    let (name, alias) = (peer.name("grpc"), peer.name("grpc-alias"));
    assert_eq!(grpc.health_check().await.unwrap().title, "qdrant - vector search engine");

    let create =
        CreateCollectionBuilder::new(&name).vectors_config(VectorParamsBuilder::new(2, Distance::Cosine));
    assert!(grpc.create_collection(create).await.unwrap().result);
    assert!(grpc.collection_exists(&name).await.unwrap());
    let listed = grpc.list_collections().await.unwrap();
    assert!(listed.collections.iter().any(|collection| collection.name == name));

    let payload = Payload::try_from(json!({ "n": 1, "t": ["a", null], "big": u64::MAX })).unwrap();
    let points = vec![
        PointStruct::new(1, vec![3.0, 4.0], payload),
        PointStruct::new("550e8400-e29b-41d4-a716-446655440000", vec![1.0, 0.0], Payload::new()),
    ];
    let written = grpc.upsert_points(UpsertPointsBuilder::new(&name, points).wait(true)).await.unwrap();
    assert_eq!(written.result.unwrap().operation_id, Some(1));
    let counted = grpc.count(CountPointsBuilder::new(&name).exact(true)).await.unwrap();
    assert_eq!(counted.result.unwrap().count, 2);

    let scroll = ScrollPointsBuilder::new(&name).limit(1).with_payload(true).with_vectors(true);
    let page = grpc.scroll(scroll).await.unwrap();
    let first = &page.result[0];
    assert_eq!(first.id, Some(PointId::from(1)));
    let shown = serde_json::to_value(&first.payload).unwrap();
    assert_eq!(shown["n"], 1);
    assert_eq!(shown["big"], 1.844_674_407_370_955_2e19, "what exceeds i64 becomes a double over gRPC");
    let vectors = first.vectors.clone().unwrap().vectors_options.unwrap();
    let vectors_output::VectorsOptions::Vector(vector) = vectors else { panic!("{vectors:?}") };
    let Out::Dense(dense) = vector.into_vector() else { panic!("not dense") };
    assert_eq!(dense.data, [0.6, 0.8]);
    let next = page.next_page_offset.unwrap().point_id_options.unwrap();
    assert_eq!(next, PointIdOptions::Uuid("550e8400-e29b-41d4-a716-446655440000".into()));
    let got = grpc.get_points(GetPointsBuilder::new(&name, vec![1.into(), 7.into()])).await.unwrap();
    assert_eq!(got.result.len(), 1);
    assert!(got.result[0].payload.is_empty() && got.result[0].vectors.is_none(), "{:?}", got.result[0]);

    let plain = grpc.scroll(ScrollPointsBuilder::new(&name)).await.unwrap();
    assert!(
        !plain.result[0].payload.is_empty() && plain.result[0].vectors.is_none(),
        "{:?}",
        plain.result[0]
    );

    grpc.create_alias(CreateAliasBuilder::new(&name, &alias)).await.unwrap();
    let aliases = grpc.list_collection_aliases(&name).await.unwrap().aliases;
    assert_eq!(aliases.len(), 1);
    assert!(grpc.list_aliases().await.unwrap().aliases.contains(&aliases[0]));
    let info = grpc.collection_info(&alias).await.unwrap().result.unwrap();
    assert_eq!((info.status, info.points_count, info.segments_count), (1, Some(2), 2));
    let params = info.config.unwrap().params.unwrap();
    assert_eq!(params.shard_number, 1);

    let taken = grpc.create_snapshot(&name).await.unwrap().snapshot_description.unwrap();
    assert_eq!(taken.checksum.as_ref().unwrap().len(), 64);
    let listed = grpc.list_snapshots(&name).await.unwrap().snapshot_descriptions;
    assert_eq!(listed, std::slice::from_ref(&taken));
    grpc.delete_snapshot(DeleteSnapshotRequestBuilder::new(&name, taken.name)).await.unwrap();
    assert!(grpc.list_snapshots(&name).await.unwrap().snapshot_descriptions.is_empty());

    let missing = grpc.collection_info(peer.name("none")).await.unwrap_err().to_string();
    assert!(missing.contains("doesn't exist!"), "{missing}");
    assert!(grpc.delete_collection(&name).await.unwrap().result);
    peer.clean().await;
}
