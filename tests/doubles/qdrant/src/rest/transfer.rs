//! Files on the wire: downloads with ranges and the ways to spoil them, and multipart uploads.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Multipart;
use axum::extract::multipart::MultipartError;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use super::reply::{plain, refuse, refuse_plainly};
use crate::failures::{Failure, Failures};
use crate::fault::Fault;

/// How a download is to be spoilt.
#[derive(Clone, Copy, Default)]
struct Spoil {
    /// End the body at this offset of the file.
    cut: Option<u64>,
    /// Announce the shortened length, so that the cut looks like the end.
    quiet: bool,
    /// Flip one bit at this offset of the file.
    flip: Option<u64>,
    stall: Option<Duration>,
}

impl Spoil {
    fn of(failures: &Failures, size: u64) -> Self {
        let mut spoil = Self::default();
        for failure in failures.list() {
            match failure {
                Failure::CutDownload(at) => spoil.cut = Some(at),
                Failure::CutDownloadQuietly(at) => (spoil.cut, spoil.quiet) = (Some(at), true),
                Failure::FlipDownload => spoil.flip = Some(size / 2),
                Failure::StallDownload(pause) => spoil.stall = Some(pause),
                Failure::Refuse
                | Failure::Stall(_)
                | Failure::CutStream(_)
                | Failure::ChangesFail
                | Failure::WrongChecksum
                | Failure::SnapshotFails
                | Failure::UploadFails
                | Failure::UploadEmpty
                | Failure::CountChanges
                | Failure::LoseCollection(_)
                | Failure::Red(_)
                | Failure::Unreadable(_)
                | Failure::RecoveryMode
                | Failure::LoseOnRestart
                | Failure::ScrollFails(_)
                | Failure::ScrollLoses
                | Failure::UpsertFails(_)
                | Failure::UpsertLoses
                | Failure::SlowStart(_)
                | Failure::DieBefore(_)
                | Failure::DieAfter(_) => {}
            }
        }
        spoil
    }
}

/// Send a file as actix's `NamedFile` does: one range at most, `etag`, `content-length`, no digest.
pub(super) async fn send(path: &Path, headers: &HeaderMap, failures: &Failures) -> Response {
    match try_send(path, headers, failures).await {
        Ok(response) => response,
        Err(error) => refuse_plainly(&Fault::from(error)),
    }
}

async fn try_send(path: &Path, headers: &HeaderMap, failures: &Failures) -> io::Result<Response> {
    let mut file = tokio::fs::File::open(path).await?;
    let meta = file.metadata().await?;
    let size = meta.len();
    let etag = format!("\"{:x}:{size:x}:{:x}:{:x}\"", meta.ino(), meta.mtime(), meta.mtime_nsec());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let spoil = Spoil::of(failures, size);
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let current = text(header::IF_RANGE).is_none_or(|tag| tag == etag);
    let range = text(header::RANGE).filter(|_| current);
    let (start, end) = match range.map(|range| parse_range(range, size)) {
        None => (0, size),
        Some(Some(range)) => range,
        Some(None) => {
            let range = format!("bytes */{size}");
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, range)]).into_response());
        }
    };
    file.seek(io::SeekFrom::Start(start)).await?;
    let sent = spoil.cut.map_or(end, |cut| cut.clamp(start, end));
    let announced = if spoil.quiet { sent } else { end } - start;
    let mut response = Response::builder()
        .status(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK })
        .header(header::CONTENT_LENGTH, announced)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, etag)
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
        .header(header::CONTENT_TYPE, "application/octet-stream");
    if range.is_some() {
        response = response.header(header::CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1));
    }
    let body = body(file, start, (sent, end), spoil);
    response.body(body).map_err(io::Error::other)
}

/// The bytes from `start` to `sent`; when that is short of the announced `end`, the connection breaks off there.
fn body(file: tokio::fs::File, start: u64, (sent, end): (u64, u64), spoil: Spoil) -> Body {
    let mut offset = start;
    let mut pause = spoil.stall;
    let good = ReaderStream::with_capacity(file.take(sent - start), 64 << 10).then(move |chunk| {
        let mut wait = None;
        let chunk = chunk.map(|bytes| {
            let mut bytes = bytes.to_vec();
            let here = offset;
            offset += bytes.len() as u64;
            if let Some(at) = spoil.flip.filter(|at| (here..offset).contains(at)) {
                bytes[usize::try_from(at - here).unwrap_or(0)] ^= 1;
            }
            if here > start || offset >= sent {
                wait = pause.take();
            }
            bytes
        });
        async move {
            if let Some(pause) = wait {
                tokio::time::sleep(pause).await;
            }
            chunk
        }
    });
    if sent < end && !spoil.quiet {
        let broken = futures_util::stream::once(async {
            Err::<Vec<u8>, _>(io::Error::from(io::ErrorKind::ConnectionReset))
        });
        return Body::from_stream(good.chain(broken));
    }
    Body::from_stream(good)
}

/// `bytes=A-B`, `bytes=A-` or `bytes=-N` as a half-open range; `None` when it cannot be satisfied.
fn parse_range(text: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first.trim(), last.trim()) {
        ("", count) => (size.checked_sub(count.parse().ok()?)?, size),
        (first, "") => (first.parse().ok()?, size),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.saturating_add(1).min(size)),
    };
    (start < end).then_some((start, end))
}

/// Stream a temporary file without a length, as the shard stream and the partial snapshots come.
pub(super) async fn stream(draft: tempfile::NamedTempFile, name: &str, failures: &Failures) -> Response {
    let size = draft.as_file().metadata().map_or(0, |meta| meta.len());
    let cut = failures.find(|failure| match failure {
        Failure::CutStream(at) => Some(*at),
        _ => None,
    });
    let spoil = Spoil::of(failures, size);
    let spoil = Spoil { quiet: true, cut: cut.or(spoil.cut), ..spoil };
    let sent = spoil.cut.map_or(size, |cut| cut.min(size));
    match tokio::fs::File::open(draft.path()).await {
        // The open file outlives its name.
        Ok(file) => (
            [
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            ],
            body(file, 0, (sent, size), spoil),
        )
            .into_response(),
        Err(error) => refuse_plainly(&Fault::from(error)),
    }
}

/// Spool the multipart field `snapshot` to a file in `dir`; gives the file and the name it was sent under.
pub(super) async fn receive(form: Multipart, dir: &Path) -> Result<(tempfile::TempPath, String), Response> {
    match spool(form, dir).await {
        Ok(Some(received)) => Ok(received),
        Ok(None) => Err(plain("Required field is missing: snapshot")),
        Err(Broken::Form) => Err(plain("Multipart stream is incomplete")),
        Err(Broken::Disk(error)) => Err(refuse(&Fault::from(error), 0.0)),
    }
}

enum Broken {
    Form,
    Disk(io::Error),
}

impl From<MultipartError> for Broken {
    fn from(_: MultipartError) -> Self {
        Self::Form
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

async fn spool(mut form: Multipart, dir: &Path) -> Result<Option<(tempfile::TempPath, String)>, Broken> {
    std::fs::create_dir_all(dir)?;
    while let Some(mut field) = form.next_field().await? {
        if field.name() != Some("snapshot") {
            continue;
        }
        let name = field.file_name().map(str::to_owned);
        let (file, path) = tempfile::NamedTempFile::new_in(dir)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        while let Some(chunk) = field.chunk().await? {
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        return Ok(Some((path, name.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()))));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_read() {
        for (text, expected) in [
            ("bytes=0-99", Some((0, 100))),
            ("bytes=100-", Some((100, 200))),
            ("bytes=-50", Some((150, 200))),
            ("bytes=150-999", Some((150, 200))),
            ("bytes=200-", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(parse_range(text, 200), expected, "{text}");
        }
    }
}
