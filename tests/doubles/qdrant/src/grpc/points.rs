//! The `Points` service.

use std::time::Instant;

use qdrant_client::qdrant as proto;
use qdrant_client::qdrant::points_server::Points;
use tonic::{Request, Response, Status};

use super::convert::{filter_in, id_in, id_out, point_in, record_out, with_payload, with_vector};
use super::{Interface, unimplemented_methods};
use crate::collection::Scroll;
use crate::fault::{Fault, Outcome};
use crate::point::Record;
use crate::server::Access;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Points for Interface {
    async fn upsert(&self, request: Request<proto::UpsertPoints>) -> Answer<proto::PointsOperationResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Manage).await?;
        let points = request.points.into_iter().map(point_in).collect::<Outcome<_>>()?;
        let operation =
            app.store().writable(&request.collection_name, "Update Points").and_then(|c| c.upsert(points))?;
        Ok(Response::new(proto::PointsOperationResponse {
            result: Some(proto::UpdateResult {
                operation_id: Some(operation),
                status: proto::UpdateStatus::Completed.into(),
            }),
            time: begun.elapsed().as_secs_f64(),
            usage: None,
        }))
    }

    async fn get(&self, request: Request<proto::GetPoints>) -> Answer<proto::GetResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Read).await?;
        let ids = request.ids.into_iter().map(|id| id_in(Some(id))).collect::<Outcome<Vec<_>>>()?;
        let payload = with_payload(request.with_payload, false);
        let vector = with_vector(request.with_vectors);
        let store = app.store();
        let collection = store.readable(&request.collection_name, "retrieve")?;
        let found = ids.into_iter().filter_map(|id| collection.get(id));
        Ok(Response::new(proto::GetResponse {
            result: found.map(|point| record_out(&Record::of(point, &payload, &vector))).collect(),
            time: begun.elapsed().as_secs_f64(),
            usage: None,
        }))
    }

    async fn scroll(&self, request: Request<proto::ScrollPoints>) -> Answer<proto::ScrollResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Read).await?;
        if request.order_by.is_some() {
            return Err(Fault::BadRequest("the stand-in does not order a scroll".into()).into());
        }
        let scroll = Scroll {
            offset: request.offset.map(|id| id_in(Some(id))).transpose()?,
            limit: request.limit.and_then(|limit| limit.try_into().ok()),
            filter: request.filter.map(filter_in).transpose()?,
            with_payload: Some(with_payload(request.with_payload, true)),
            with_vector: Some(with_vector(request.with_vectors)),
            order_by: None,
        };
        let store = app.store();
        let (page, next) = store.readable(&request.collection_name, "Scroll")?.scroll(&scroll)?;
        Ok(Response::new(proto::ScrollResponse {
            next_page_offset: next.map(id_out),
            result: page.iter().map(record_out).collect(),
            time: begun.elapsed().as_secs_f64(),
            usage: None,
        }))
    }

    async fn count(&self, request: Request<proto::CountPoints>) -> Answer<proto::CountResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Read).await?;
        let filter = request.filter.map(filter_in).transpose()?;
        let store = app.store();
        let collection = store.readable(&request.collection_name, "count")?;
        let count = collection.count(filter.as_ref(), request.exact.unwrap_or(true))?;
        Ok(Response::new(proto::CountResponse {
            result: Some(proto::CountResult { count: count as u64 }),
            time: begun.elapsed().as_secs_f64(),
            usage: None,
        }))
    }

    unimplemented_methods! {
        delete: proto::DeletePoints => proto::PointsOperationResponse,
        update_vectors: proto::UpdatePointVectors => proto::PointsOperationResponse,
        delete_vectors: proto::DeletePointVectors => proto::PointsOperationResponse,
        set_payload: proto::SetPayloadPoints => proto::PointsOperationResponse,
        overwrite_payload: proto::SetPayloadPoints => proto::PointsOperationResponse,
        delete_payload: proto::DeletePayloadPoints => proto::PointsOperationResponse,
        clear_payload: proto::ClearPayloadPoints => proto::PointsOperationResponse,
        create_field_index: proto::CreateFieldIndexCollection => proto::PointsOperationResponse,
        delete_field_index: proto::DeleteFieldIndexCollection => proto::PointsOperationResponse,
        create_vector_name: proto::CreateVectorNameRequest => proto::PointsOperationResponse,
        delete_vector_name: proto::DeleteVectorNameRequest => proto::PointsOperationResponse,
        search: proto::SearchPoints => proto::SearchResponse,
        search_batch: proto::SearchBatchPoints => proto::SearchBatchResponse,
        search_groups: proto::SearchPointGroups => proto::SearchGroupsResponse,
        recommend: proto::RecommendPoints => proto::RecommendResponse,
        recommend_batch: proto::RecommendBatchPoints => proto::RecommendBatchResponse,
        recommend_groups: proto::RecommendPointGroups => proto::RecommendGroupsResponse,
        discover: proto::DiscoverPoints => proto::DiscoverResponse,
        discover_batch: proto::DiscoverBatchPoints => proto::DiscoverBatchResponse,
        update_batch: proto::UpdateBatchPoints => proto::UpdateBatchResponse,
        query: proto::QueryPoints => proto::QueryResponse,
        query_batch: proto::QueryBatchPoints => proto::QueryBatchResponse,
        query_groups: proto::QueryPointGroups => proto::QueryGroupsResponse,
        facet: proto::FacetCounts => proto::FacetResponse,
        search_matrix_pairs: proto::SearchMatrixPoints => proto::SearchMatrixPairsResponse,
        search_matrix_offsets: proto::SearchMatrixPoints => proto::SearchMatrixOffsetsResponse,
    }
}
