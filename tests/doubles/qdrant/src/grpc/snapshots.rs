//! The `Snapshots` service.

use std::time::Instant;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use prost_types::Timestamp;
use qdrant_client::qdrant as proto;
use qdrant_client::qdrant::snapshots_server::Snapshots;
use tonic::{Request, Response, Status};

use super::{Interface, unimplemented_methods};
use crate::server::Access;
use crate::snapshots::Description;
use crate::store::Store;

type Answer<T> = Result<Response<T>, Status>;

fn described(description: Description) -> proto::SnapshotDescription {
    let time = description.creation_time.and_then(|text| text.parse::<DateTime>().ok());
    let time = time.and_then(|time| TimeZone::UTC.to_timestamp(time).ok());
    proto::SnapshotDescription {
        name: description.name,
        creation_time: time.map(|time| Timestamp { seconds: time.as_second(), nanos: 0 }),
        size: description.size.try_into().unwrap_or(i64::MAX),
        checksum: description.checksum,
    }
}

#[tonic::async_trait]
impl Snapshots for Interface {
    async fn create(
        &self,
        request: Request<proto::CreateSnapshotRequest>,
    ) -> Answer<proto::CreateSnapshotResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Manage).await?;
        let taken = app.blocking(move |store| store.take_snapshot(&request.collection_name)).await?;
        Ok(Response::new(proto::CreateSnapshotResponse {
            snapshot_description: Some(described(taken)),
            time: begun.elapsed().as_secs_f64(),
        }))
    }

    async fn list(
        &self,
        request: Request<proto::ListSnapshotsRequest>,
    ) -> Answer<proto::ListSnapshotsResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Read).await?;
        let store = app.store();
        store.listed(&request.collection_name)?;
        let found = store.list_snapshots(&store.collection_snapshots(&request.collection_name))?;
        Ok(Response::new(proto::ListSnapshotsResponse {
            snapshot_descriptions: found.into_iter().map(described).collect(),
            time: begun.elapsed().as_secs_f64(),
        }))
    }

    async fn delete(
        &self,
        request: Request<proto::DeleteSnapshotRequest>,
    ) -> Answer<proto::DeleteSnapshotResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Manage).await?;
        let store = app.store();
        store.listed(&request.collection_name)?;
        let dir = store.collection_snapshots(&request.collection_name);
        Store::delete_snapshot(&dir, &request.snapshot_name)?;
        Ok(Response::new(proto::DeleteSnapshotResponse { time: begun.elapsed().as_secs_f64() }))
    }

    unimplemented_methods! {
        create_full: proto::CreateFullSnapshotRequest => proto::CreateSnapshotResponse,
        list_full: proto::ListFullSnapshotsRequest => proto::ListSnapshotsResponse,
        delete_full: proto::DeleteFullSnapshotRequest => proto::DeleteSnapshotResponse,
    }
}
