//! The `Collections` service.

use std::time::Instant;

use qdrant_client::qdrant as proto;
use qdrant_client::qdrant::alias_operations::Action;
use qdrant_client::qdrant::collections_server::Collections;
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use super::{Interface, config, unimplemented_methods};
use crate::fault::Outcome;
use crate::rest::info_of;
use crate::server::Access;

type Answer<T> = Result<Response<T>, Status>;

fn operation(begun: Instant, done: Outcome<bool>) -> Answer<proto::CollectionOperationResponse> {
    let result = done?;
    Ok(Response::new(proto::CollectionOperationResponse { result, time: begun.elapsed().as_secs_f64() }))
}

#[tonic::async_trait]
impl Collections for Interface {
    async fn get(
        &self,
        request: Request<proto::GetCollectionInfoRequest>,
    ) -> Answer<proto::GetCollectionInfoResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Read).await?;
        let info = info_of(&app.store(), &request.collection_name)?;
        Ok(Response::new(proto::GetCollectionInfoResponse {
            result: Some(config::info(&info)),
            time: begun.elapsed().as_secs_f64(),
        }))
    }

    async fn list(
        &self,
        request: Request<proto::ListCollectionsRequest>,
    ) -> Answer<proto::ListCollectionsResponse> {
        let begun = Instant::now();
        let (_, app) = self.enter(request, Access::Read).await?;
        let names = app.store().collections.keys().cloned().collect::<Vec<_>>();
        Ok(Response::new(proto::ListCollectionsResponse {
            collections: names.into_iter().map(|name| proto::CollectionDescription { name }).collect(),
            time: begun.elapsed().as_secs_f64(),
        }))
    }

    async fn create(
        &self,
        request: Request<proto::CreateCollection>,
    ) -> Answer<proto::CollectionOperationResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Manage).await?;
        let name = request.collection_name.clone();
        let body = config::create_body(request)?;
        let done = app.store().create(&name, &body);
        operation(begun, done.map(|()| true))
    }

    async fn delete(
        &self,
        request: Request<proto::DeleteCollection>,
    ) -> Answer<proto::CollectionOperationResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Manage).await?;
        let done = app.store().delete(&request.collection_name);
        operation(begun, done)
    }

    async fn update_aliases(
        &self,
        request: Request<proto::ChangeAliases>,
    ) -> Answer<proto::CollectionOperationResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Manage).await?;
        let actions =
            request.actions.into_iter().filter_map(|operation| operation.action).map(|action| match action {
                Action::CreateAlias(create) => json!({ "create_alias": {
                    "collection_name": create.collection_name, "alias_name": create.alias_name } }),
                Action::RenameAlias(rename) => json!({ "rename_alias": {
                    "old_alias_name": rename.old_alias_name, "new_alias_name": rename.new_alias_name } }),
                Action::DeleteAlias(delete) => json!({ "delete_alias": { "alias_name": delete.alias_name } }),
            });
        let actions: Vec<Value> = actions.collect();
        let done = app.store().change_aliases(&actions);
        operation(begun, done.map(|()| true))
    }

    async fn list_collection_aliases(
        &self,
        request: Request<proto::ListCollectionAliasesRequest>,
    ) -> Answer<proto::ListAliasesResponse> {
        let (request, app) = self.enter(request, Access::Read).await?;
        let store = app.store();
        store.listed(&request.collection_name)?;
        Ok(aliases(store.aliases.iter().filter(|(_, target)| **target == request.collection_name)))
    }

    async fn list_aliases(
        &self,
        request: Request<proto::ListAliasesRequest>,
    ) -> Answer<proto::ListAliasesResponse> {
        let (_, app) = self.enter(request, Access::Read).await?;
        let store = app.store();
        Ok(aliases(store.aliases.iter()))
    }

    async fn collection_exists(
        &self,
        request: Request<proto::CollectionExistsRequest>,
    ) -> Answer<proto::CollectionExistsResponse> {
        let begun = Instant::now();
        let (request, app) = self.enter(request, Access::Read).await?;
        let exists = app.store().listed(&request.collection_name).is_ok();
        Ok(Response::new(proto::CollectionExistsResponse {
            result: Some(proto::CollectionExists { exists }),
            time: begun.elapsed().as_secs_f64(),
        }))
    }

    unimplemented_methods! {
        update: proto::UpdateCollection => proto::CollectionOperationResponse,
        collection_cluster_info: proto::CollectionClusterInfoRequest => proto::CollectionClusterInfoResponse,
        update_collection_cluster_setup:
            proto::UpdateCollectionClusterSetupRequest => proto::UpdateCollectionClusterSetupResponse,
        create_shard_key: proto::CreateShardKeyRequest => proto::CreateShardKeyResponse,
        delete_shard_key: proto::DeleteShardKeyRequest => proto::DeleteShardKeyResponse,
        list_shard_keys: proto::ListShardKeysRequest => proto::ListShardKeysResponse,
    }
}

fn aliases<'a>(
    aliases: impl Iterator<Item = (&'a String, &'a String)>,
) -> Response<proto::ListAliasesResponse> {
    let aliases = aliases.map(|(alias, collection)| proto::AliasDescription {
        alias_name: alias.clone(),
        collection_name: collection.clone(),
    });
    Response::new(proto::ListAliasesResponse { aliases: aliases.collect(), time: 0.0 })
}
