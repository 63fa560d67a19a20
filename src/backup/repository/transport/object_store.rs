//! Repositories behind SFTP and S3, through OpenDAL.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use opendal::options::ListOptions;
use opendal::services::{S3, Sftp};
use opendal::{Buffer, BytesRange, HttpTransporter, OperationContext, Operator};
use rustic_core::{ALL_FILE_TYPES, FileType, Id};

use super::http::HttpServer;
use super::rate::{PIECE, RateLimits};
use super::s3_requests::S3Requests;
use super::stall::StallWatch;
use super::{ByteRange, Transport, TransportError};
use crate::backup::repository::location::{S3Location, SftpLocation};

/// What a file is called while it is written.
const UNFINISHED: &str = "-unfinished";

/// A repository whose files are objects of a store.
#[derive(Debug)]
pub(in crate::backup::repository) struct ObjectStore {
    operator: Operator,
    service: StoreService,
    has_answered: AtomicBool,
}

#[derive(Debug)]
enum StoreService {
    /// Its requests keep to the limits, and an object is there once it is complete.
    S3,
    /// A file is there as soon as it is begun.
    Sftp { rates: RateLimits, patience: Duration },
}

impl ObjectStore {
    /// Host keys are checked by `ssh`, with its own configuration.
    pub(in crate::backup::repository) fn sftp(
        location: &SftpLocation,
        rates: RateLimits,
        patience: Duration,
    ) -> Result<Self, TransportError> {
        let host = match location.port {
            Some(port) => format!("ssh://{}:{port}", location.host),
            None => format!("ssh://{}", location.host),
        };
        let builder = Sftp::default()
            .endpoint(&host)
            .root(&location.path)
            .user(location.user.as_deref().unwrap_or_default())
            .known_hosts_strategy("Strict");
        let operator = Operator::new(builder).map_err(|error| of_store(&error))?;
        Ok(Self::new(operator, StoreService::Sftp { rates, patience }))
    }

    /// The keys are those of the environment and of the files of the AWS tools.
    pub(in crate::backup::repository) fn s3(
        location: &S3Location,
        region: &str,
        http: HttpServer,
    ) -> Result<Self, TransportError> {
        let builder = S3::default()
            .endpoint(&location.endpoint)
            .bucket(&location.bucket)
            .root(&format!("/{}", location.prefix))
            .region(region);
        let context = OperationContext::new().with_http_transport(HttpTransporter::new(S3Requests(http)));
        let operator = Operator::new(builder).map_err(|error| of_store(&error))?.with_context(context);
        Ok(Self::new(operator, StoreService::S3))
    }

    fn new(operator: Operator, service: StoreService) -> Self {
        Self { operator, service, has_answered: AtomicBool::new(false) }
    }

    /// Waits for one step of a request, which may not stall.
    async fn step<R>(&self, step: impl Future<Output = opendal::Result<R>>) -> Result<R, TransportError> {
        let step = async { step.await.map_err(|error| of_store(&error)) };
        let done = match &self.service {
            StoreService::S3 => step.await,
            StoreService::Sftp { patience, .. } => StallWatch::new(*patience).watch(step).await,
        };
        self.has_answered.fetch_or(done.is_ok(), Ordering::Relaxed);
        done
    }

    /// Writes a file under another name first, so that a file that is there is complete.
    async fn write_and_rename(
        &self,
        path: &str,
        content: &[Bytes],
        rates: &RateLimits,
    ) -> Result<(), TransportError> {
        let unfinished = format!("{path}{UNFINISHED}");
        let written = async {
            let mut writer = self.step(self.operator.writer(&unfinished)).await?;
            for piece in content.iter().flat_map(pieces) {
                rates.upload.wait(piece.len()).await;
                self.step(writer.write(piece)).await?;
            }
            self.step(writer.close()).await?;
            self.step(self.operator.rename(&unfinished, path)).await
        };
        let written = written.await;
        if written.is_err() {
            // What matters is why it failed.
            let _ = self.step(self.operator.delete(&unfinished)).await;
        }
        written
    }
}

impl Transport for ObjectStore {
    fn path(&self, kind: FileType, id: &Id) -> String {
        let name = id.to_hex();
        match kind {
            FileType::Config => "config".to_owned(),
            FileType::Pack => format!("data/{}/{}", &name[..2], &name[..]),
            _ => format!("{}/{}", kind.dirname(), &name[..]),
        }
    }

    async fn create(&self) -> Result<(), TransportError> {
        match self.service {
            // There are no directories.
            StoreService::S3 => Ok(()),
            StoreService::Sftp { .. } => {
                let packs = (0u8..=255).map(|first| format!("data/{first:02x}/"));
                let kinds = ALL_FILE_TYPES.iter().map(|kind| format!("{}/", kind.dirname()));
                for directory in kinds.chain(packs) {
                    self.step(self.operator.create_dir(&directory)).await?;
                }
                Ok(())
            }
        }
    }

    async fn size(&self, path: &str) -> Result<Option<u64>, TransportError> {
        match self.step(self.operator.stat(path)).await {
            Ok(found) => Ok(Some(found.content_length())),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, kind: FileType) -> Result<Vec<(Id, u64)>, TransportError> {
        let directory = format!("{}/", kind.dirname());
        let options = ListOptions { recursive: true, ..Default::default() };
        let mut entries = self.step(self.operator.lister_options(&directory, options)).await?;
        let mut found = Vec::new();
        while let Some(entry) = self.step(entries.try_next()).await? {
            if entry.metadata().is_file()
                && let Ok(id) = entry.name().parse::<Id>()
            {
                found.push((id, entry.metadata().content_length()));
            }
        }
        Ok(found)
    }

    async fn read(&self, path: &str, range: Option<ByteRange>) -> Result<Bytes, TransportError> {
        let wanted = range.map(|range| u64::from(range.length));
        let range = range.map_or_else(BytesRange::default, |range| {
            BytesRange::new(u64::from(range.start), Some(u64::from(range.length)))
        });
        let reader = self.step(self.operator.reader(path)).await?;
        let mut stream = self.step(reader.into_stream(range)).await?;
        let mut content = BytesMut::new();
        while let Some(chunk) = self.step(stream.try_next()).await? {
            if let StoreService::Sftp { rates, .. } = &self.service {
                rates.download.wait(chunk.len()).await;
            }
            for part in chunk {
                content.extend_from_slice(&part);
            }
        }
        match wanted {
            Some(wanted) if wanted != content.len() as u64 => Err(TransportError::temporary(format!(
                "the server sent {} bytes, where {wanted} were asked for",
                content.len()
            ))),
            _ => Ok(content.freeze()),
        }
    }

    async fn write(&self, path: &str, content: Vec<Bytes>) -> Result<(), TransportError> {
        match &self.service {
            StoreService::S3 => self.step(self.operator.write(path, Buffer::from(content))).await.map(drop),
            StoreService::Sftp { rates, .. } => self.write_and_rename(path, &content, rates).await,
        }
    }

    async fn remove(&self, path: &str) -> Result<(), TransportError> {
        match self.step(self.operator.delete(path)).await {
            Err(error) if error.is_missing() => Ok(()),
            other => other,
        }
    }

    fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }
}

fn pieces(part: &Bytes) -> impl Iterator<Item = Bytes> {
    (0..part.len()).step_by(PIECE).map(|start| part.slice(start..part.len().min(start + PIECE)))
}

/// What OpenDAL says has the whole answer in it. What it was told is enough.
fn of_store(error: &opendal::Error) -> TransportError {
    let chain: Vec<&(dyn Error + 'static)> =
        std::iter::successors(error.source(), |cause| (*cause).source()).collect();
    if let Some(own) = chain.iter().find_map(|cause| cause.downcast_ref::<TransportError>()) {
        return own.clone();
    }
    let causes: Vec<String> = chain.iter().map(ToString::to_string).collect();
    let cause = if causes.is_empty() { error.to_string() } else { causes.join(": ") };
    match error.kind() {
        opendal::ErrorKind::NotFound => TransportError::missing(),
        opendal::ErrorKind::PermissionDenied => TransportError::refused(cause),
        _ if error.is_temporary() => TransportError::temporary(cause),
        _ => TransportError::permanent(cause),
    }
}
