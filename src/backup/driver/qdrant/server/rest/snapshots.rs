//! Requests that create, download and upload snapshots and increments.

use std::path::Path;
use std::sync::Arc;

use reqwest::header::{ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::Value;
use tokio_util::io::ReaderStream;

use super::exchange::{answer, refusal, send};
use super::{COUNT, QUESTION, Rest, SnapshotTarget};
use crate::backup::driver::qdrant::archive::merge::{MergedReader, MergedSnapshot};
use crate::backup::driver::qdrant::names::in_url;
use crate::backup::driver::qdrant::server::error::{ApiError, ApiRequest, Permission, Result};
use crate::backup::driver::qdrant::server::upload::UploadProgress;

/// A snapshot on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Lowercase SHA-256; a server that stores its snapshots in an object store reports none.
    pub(crate) checksum: Option<String>,
}

/// A snapshot to download.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Download<'a> {
    pub(crate) of: SnapshotTarget<'a>,
    pub(crate) snapshot: &'a str,
}

/// A snapshot to upload.
#[derive(Clone, Copy)]
pub(crate) struct Upload<'a> {
    pub(crate) content: UploadContent<'a>,
    pub(crate) name: &'a str,
    pub(crate) sha256: &'a str,
    pub(crate) progress: &'a UploadProgress,
}

/// Where an uploaded snapshot is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UploadContent<'a> {
    File(&'a Path),
    /// In several files.
    Merged(&'a Arc<MergedSnapshot>),
}

impl Upload<'_> {
    async fn part(&self) -> Result<Part> {
        match self.content {
            UploadContent::File(path) => {
                let read = |error: std::io::Error| ApiError::Refused {
                    action: format!("read `{}`", path.display()),
                    message: error.to_string(),
                };
                let file = tokio::fs::File::open(path).await.map_err(read)?;
                let length = file.metadata().await.map_err(read)?.len();
                let stream = ReaderStream::with_capacity(self.progress.watch(file), 256 * 1024);
                Ok(Part::stream_with_length(Body::wrap_stream(stream), length))
            }
            UploadContent::Merged(snapshot) => {
                let stream = self.progress.stream(MergedReader::new(snapshot));
                Ok(Part::stream_with_length(Body::wrap_stream(stream), snapshot.bytes()))
            }
        }
    }
}

impl Rest {
    /// Waits as long as the server needs.
    pub(crate) async fn create_snapshot(&self, of: SnapshotTarget<'_>) -> Result<Descriptor> {
        let request = self.request(format!("create a snapshot of {of}"), Permission::Write);
        let path = format!("{}/snapshots?wait=true", of.path());
        descriptor(&request, &answer(&request, self.to(Method::POST, &path)).await?)
    }

    pub(crate) async fn delete_snapshot(&self, of: SnapshotTarget<'_>, snapshot: &str) -> Result<()> {
        let request = self.request(format!("delete snapshot `{snapshot}` of {of}"), Permission::Write);
        let path = format!("{}/snapshots/{}?wait=true", of.path(), in_url(snapshot));
        answer(&request, self.to(Method::DELETE, &path).timeout(COUNT)).await.map(drop)
    }

    /// Starts to download a snapshot at byte `from`. `tag` is from an earlier response: if the file has changed since,
    /// the response starts from the beginning, with another status.
    pub(crate) async fn download(
        &self,
        what: Download<'_>,
        from: u64,
        tag: Option<&HeaderValue>,
    ) -> Result<Response> {
        let request = self.request(format!("download the snapshot of {}", what.of), Permission::Read);
        let path = format!("{}/snapshots/{}", what.of.path(), in_url(what.snapshot));
        let mut builder = self.to(Method::GET, &path);
        if from > 0 {
            builder = builder.header(RANGE, format!("bytes={from}-"));
            if let Some(tag) = tag {
                builder = builder.header(IF_RANGE, tag);
            }
        }
        send(&request, builder).await
    }

    /// Uploads a snapshot, which becomes the collection or the shard, and waits until it is restored. The server
    /// compares the checksum before it changes anything.
    pub(crate) async fn upload(&self, of: SnapshotTarget<'_>, upload: Upload<'_>) -> Result<()> {
        let path = format!(
            "{}/snapshots/upload?wait=true&priority=snapshot&checksum={}",
            of.path(),
            in_url(upload.sha256)
        );
        let request = self.request(format!("upload {of}"), Permission::Manage);
        let part = upload
            .part()
            .await?
            .file_name(upload.name.to_owned())
            .mime_str("application/octet-stream")
            .expect("it is a media type");
        let builder = self.to(Method::POST, &path).multipart(Form::new().part("snapshot", part));
        answer(&request, builder).await.map(drop)
    }

    /// The versions of all files of a shard's segments, from which a later increment starts.
    pub(crate) async fn versions(&self, collection: &str, shard: u32) -> Result<Value> {
        let request =
            self.request(format!("ask for the file versions of collection `{collection}`"), Permission::Read);
        let path = format!("/collections/{}/shards/{shard}/snapshot/partial/manifest", in_url(collection));
        answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await
    }

    /// Starts to download what changed in a shard since these `versions`; `None` if nothing did.
    pub(crate) async fn increment(
        &self,
        collection: &str,
        shard: u32,
        versions: &Value,
    ) -> Result<Option<Response>> {
        let request =
            self.request(format!("download the changes of collection `{collection}`"), Permission::Write);
        let path = format!("/collections/{}/shards/{shard}/snapshot/partial/create", in_url(collection));
        let response = self.to(Method::POST, &path).json(versions).send().await;
        let response = response.map_err(|error| request.unreachable(error.without_url()))?;
        match response.status() {
            StatusCode::NOT_MODIFIED => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            _ => Err(refusal(&request, response).await),
        }
    }
}

pub(super) fn descriptor(request: &ApiRequest, value: &Value) -> Result<Descriptor> {
    match (value["name"].as_str(), value["size"].as_u64()) {
        (Some(name), Some(size)) => Ok(Descriptor {
            name: name.to_owned(),
            size,
            checksum: value["checksum"].as_str().map(|sum| sum.trim().to_lowercase()),
        }),
        _ => Err(request.senseless("a snapshot has neither name nor size")),
    }
}

/// Identifies the version of a file.
pub(crate) fn tag(response: &Response) -> Option<HeaderValue> {
    response.headers().get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")).cloned()
}
