//! Repositories behind SFTP and S3.
//!
//! `rustic_backend` has a backend for everything that OpenDAL supports; with all of that in the program it would be half as large
//! again. This one has the same layout of files, and only the two services.

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use opendal::blocking::Operator;
use opendal::layers::RetryLayer;
use opendal::options::{ListOptions, ReadOptions};
use rustic_core::{
    ALL_FILE_TYPES, BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};
use tokio::runtime::Runtime;

use super::location::{S3Location, SftpLocation};

/// How often a request is tried again.
const RETRIES: usize = 5;

/// A repository whose files are objects of a store.
#[derive(Debug, Clone)]
pub(super) struct ObjectStore {
    operator: Operator,
    /// Without secrets.
    name: String,
}

impl ObjectStore {
    /// Host keys are checked by `ssh`, with its own configuration.
    pub(super) fn sftp(location: &SftpLocation, name: String) -> RusticResult<Self> {
        let host = match location.port {
            Some(port) => format!("ssh://{}:{port}", location.host),
            None => format!("ssh://{}", location.host),
        };
        let mut options = HashMap::from([
            ("endpoint".to_owned(), host),
            ("root".to_owned(), location.path.clone()),
            ("known_hosts_strategy".to_owned(), "Strict".to_owned()),
        ]);
        if let Some(user) = &location.user {
            options.insert("user".to_owned(), user.clone());
        }
        Self::new("sftp", options, name)
    }

    /// The keys are those of the environment and of the files of the AWS tools.
    pub(super) fn s3(location: &S3Location, region: String, name: String) -> RusticResult<Self> {
        let options = HashMap::from([
            ("endpoint".to_owned(), location.endpoint.clone()),
            ("bucket".to_owned(), location.bucket.clone()),
            ("root".to_owned(), format!("/{}", location.prefix)),
            ("region".to_owned(), region),
        ]);
        Self::new("s3", options, name)
    }

    fn new(service: &'static str, options: HashMap<String, String>, name: String) -> RusticResult<Self> {
        opendal::install_default();
        let _entered = runtime().enter();
        let failed =
            |source| RusticError::with_source(ErrorKind::Backend, "the repository cannot be reached", source);
        let operator = opendal::Operator::via_iter(service, options)
            .map_err(failed)?
            .layer(RetryLayer::new().with_max_times(RETRIES).with_jitter());
        Ok(Self { operator: Operator::new(operator).map_err(failed)?, name })
    }
}

/// OpenDAL's requests are asynchronous, and the library's calls are not.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        #[expect(clippy::expect_used, reason = "without threads, nothing can go on")]
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the system has no threads left");
        runtime
    })
}

fn path(kind: FileType, id: &Id) -> String {
    let name = id.to_hex();
    match kind {
        FileType::Config => "config".to_owned(),
        FileType::Pack => format!("data/{}/{}", &name[..2], &name[..]),
        _ => format!("{}/{}", kind.dirname(), &name[..]),
    }
}

fn failed(action: &'static str, path: &str) -> impl Fn(opendal::Error) -> Box<RusticError> {
    let path = path.to_owned();
    move |source| RusticError::with_source(ErrorKind::Backend, format!("{action} `{path}` failed"), source)
}

impl ReadBackend for ObjectStore {
    fn location(&self) -> String {
        self.name.clone()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        if kind == FileType::Config {
            return match self.operator.stat("config") {
                Ok(found) => Ok(vec![(Id::default(), size(found.content_length()))]),
                Err(error) if error.kind() == opendal::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(failed("looking for", "config")(error)),
            };
        }
        let directory = format!("{}/", kind.dirname());
        let failed = failed("listing", &directory);
        let options = ListOptions { recursive: true, ..Default::default() };
        let mut found = Vec::new();
        for entry in self.operator.lister_options(&directory, options).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            if entry.metadata().is_file()
                && let Ok(id) = entry.name().parse::<Id>()
            {
                found.push((id, size(entry.metadata().content_length())));
            }
        }
        Ok(found)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let path = path(kind, id);
        Ok(self.operator.read(&path).map_err(failed("reading", &path))?.to_bytes())
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let path = path(kind, id);
        let start = u64::from(offset);
        let options = ReadOptions { range: (start..start + u64::from(length)).into(), ..Default::default() };
        Ok(self.operator.read_options(&path, options).map_err(failed("reading", &path))?.to_bytes())
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        path(kind, id)
    }
}

impl WriteBackend for ObjectStore {
    fn create(&self) -> RusticResult<()> {
        let packs = (0u8..=255).map(|first| format!("data/{first:02x}/"));
        for directory in ALL_FILE_TYPES.iter().map(|kind| format!("{}/", kind.dirname())).chain(packs) {
            self.operator.create_dir(&directory).map_err(failed("creating", &directory))?;
        }
        Ok(())
    }

    fn write_bytes(&self, kind: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        let path = path(kind, id);
        self.operator.write(&path, content.into_vec()).map(drop).map_err(failed("writing", &path))
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let path = path(kind, id);
        self.operator.delete(&path).map_err(failed("removing", &path))
    }
}
