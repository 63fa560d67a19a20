//! The gRPC interface, as far as safe-compose uses it; everything else is `UNIMPLEMENTED`.

mod collections;
mod config;
mod convert;
mod points;
mod snapshots;

use std::sync::Arc;

use futures_util::stream;
use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::{Qdrant, QdrantServer};
use qdrant_client::qdrant::snapshots_server::SnapshotsServer;
use qdrant_client::qdrant::{HealthCheckReply, HealthCheckRequest};
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};

use crate::failures::Failure;
use crate::fault::Fault;
use crate::rest::{COMMIT, TITLE};
use crate::server::{Access, App};
use crate::wire::Gate;

/// Every service of the interface, over one application.
#[derive(Clone)]
pub(crate) struct Interface(Arc<App>);

pub(crate) async fn serve(app: Arc<App>, gate: Gate, mut stopped: watch::Receiver<bool>) {
    let interface = Interface(app);
    let shutdown = async move {
        // An error means that the server has been dropped, which is a stop as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let connections = stream::unfold(gate, |mut gate| async {
        let accepted = gate.next().await.map(|(wire, _)| wire);
        Some((accepted, gate))
    });
    let served = Server::builder()
        .add_service(QdrantServer::new(interface.clone()))
        .add_service(CollectionsServer::new(interface.clone()).max_decoding_message_size(usize::MAX))
        .add_service(PointsServer::new(interface.clone()).max_decoding_message_size(usize::MAX))
        .add_service(SnapshotsServer::new(interface))
        .serve_with_incoming_shutdown(connections, shutdown)
        .await;
    if let Err(error) = served {
        crate::log(format_args!("ERROR gRPC interface ended: {error}"));
    }
}

impl Interface {
    /// Let a request in: check its key, and make it wait where that was asked for.
    async fn enter<T>(&self, request: Request<T>, needed: Access) -> Result<(T, Arc<App>), Status> {
        let wait = self.0.failures.find(|f| if let Failure::Stall(wait) = f { Some(*wait) } else { None });
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
        let header = |name: &str| request.metadata().get(name).and_then(|value| value.to_str().ok());
        let key = header("api-key").or_else(|| header("authorization")?.strip_prefix("Bearer "));
        let access = self.0.access(key).map_err(Status::unauthenticated)?;
        if needed == Access::Manage && access == Access::Read {
            return Err(Fault::manage_required().into());
        }
        Ok((request.into_inner(), Arc::clone(&self.0)))
    }
}

#[tonic::async_trait]
impl Qdrant for Interface {
    async fn health_check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckReply>, Status> {
        Ok(Response::new(HealthCheckReply {
            title: TITLE.to_owned(),
            version: self.0.version.clone(),
            commit: Some(COMMIT.to_owned()),
        }))
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let code = match &fault {
            Fault::BadInput(_)
            | Fault::BadRequest(_)
            | Fault::Format(_)
            | Fault::Invalid(_)
            | Fault::Query(_) => Code::InvalidArgument,
            Fault::Standalone => Code::Unimplemented,
            Fault::AlreadyExists(_) => Code::AlreadyExists,
            Fault::NotFound(_) => Code::NotFound,
            Fault::Forbidden(_) => Code::PermissionDenied,
            Fault::Checksum { .. } => Code::DataLoss,
            Fault::Unchanged(_) => Code::FailedPrecondition,
            Fault::Service(_) => Code::Internal,
        };
        Self::new(code, fault.to_string())
    }
}

/// Methods that answer `UNIMPLEMENTED`, written as `async_trait` would write them out: it does not see into macros.
macro_rules! unimplemented_methods {
    ($($name:ident: $request:ty => $response:ty,)*) => {
        $(
            fn $name<'life0, 'async_trait>(
                &'life0 self,
                _: tonic::Request<$request>,
            ) -> std::pin::Pin<
                Box<dyn Future<Output = Result<tonic::Response<$response>, tonic::Status>> + Send + 'async_trait>,
            >
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                let text = concat!("the stand-in has no `", stringify!($name), "`");
                Box::pin(std::future::ready(Err(tonic::Status::unimplemented(text))))
            }
        )*
    };
}
use unimplemented_methods;
