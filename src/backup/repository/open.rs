//! Opens a repository, or creates one.

use std::path::PathBuf;
use std::sync::Arc;
#[cfg(any(test, feature = "internals"))]
use std::time::Duration;

use bytesize::ByteSize;
use rustic_core::repofile::KeyId;
use rustic_core::{
    CheckOptions, CheckResults, ConfigOptions, Credentials, IndexedFullStatus, KeyOptions, OpenStatus,
    ReadSubsetOption, Repository, RepositoryBackends, RepositoryOptions, WriteBackend,
};

use super::location::RepositoryLocation;
use super::snapshot_gate::SnapshotGate;
use super::transport::{
    HttpServer, LocalDirectory, ObjectStore, Patience, RateLimits, Rclone, Remote, RestServer, Transport,
    TransportError,
};
use super::{RepositoryError, error};
use crate::env::Env;
use crate::secret::Secret;

/// The size of the files that data is packed into in a new repository, in MiB: that of restic. The library's own default is
/// twice as much, and needs the memory for it.
const PACK_SIZE: u64 = 16;

/// In a large repository, the library makes larger ones, up to this size in MiB.
const LARGEST_PACK_SIZE: u64 = 64;

/// The region that S3 servers other than Amazon's accept.
const DEFAULT_REGION: &str = "us-east-1";

/// The newest version of restic's format that the library writes.
const NEWEST_VERSION: u32 = 2;

/// What is needed to open a repository.
#[derive(Debug, Clone)]
pub struct RepositoryAccess {
    pub location: RepositoryLocation,
    pub password: Secret,
    rates: RateLimits,
    rest_account: Option<(String, Secret)>,
    region: String,
    rclone: Option<PathBuf>,
    patience: Patience,
}

/// A repository whose password is right. Its calls block.
pub struct OpenRepository<S = OpenStatus> {
    pub(super) inner: Repository<S>,
    pub(super) gate: Arc<SnapshotGate>,
    /// Without secrets.
    name: String,
}

/// A repository whose index was read: data can be written and read.
pub type IndexedRepository = OpenRepository<IndexedFullStatus>;

impl RepositoryAccess {
    /// A relative path is one of the current directory: make it absolute first.
    pub fn new(env: &Env, location: RepositoryLocation, password: Secret, rates: RateLimits) -> Self {
        Self {
            location,
            password,
            rates,
            rest_account: env.rest_account.clone(),
            region: env.aws_region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            rclone: env.program("rclone"),
            patience: Patience::default(),
        }
    }

    /// Waits less long for servers that fail: `stall` for one that does nothing, `pause` before the first retry.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn impatient(self, stall: Duration, pause: Duration) -> Self {
        Self { patience: Patience { stall, pause }, ..self }
    }

    /// Opens the repository.
    pub fn open(&self) -> Result<OpenRepository, RepositoryError> {
        let (repository, gate) = self.connect()?;
        let name = self.location.to_string();
        if repository.config_id().map_err(error::failed("reaching the repository"))?.is_none() {
            return Err(RepositoryError::Missing(name));
        }
        let credentials = Credentials::password(self.password.expose());
        match repository.open(&credentials) {
            Ok(inner) if inner.config().version > NEWEST_VERSION => {
                Err(RepositoryError::NewerRepository { name, version: inner.config().version })
            }
            Ok(inner) => Ok(OpenRepository { inner, gate, name }),
            Err(error) if error.is_incorrect_password() => Err(self.without_key(name)),
            Err(error) => Err(error::failed("opening the repository")(error)),
        }
    }

    /// Creates the repository; one that exists is left alone.
    pub fn init(&self) -> Result<OpenRepository, RepositoryError> {
        let (repository, gate) = self.connect()?;
        let name = self.location.to_string();
        if repository.config_id().map_err(error::failed("reaching the repository"))?.is_some() {
            return Err(RepositoryError::Exists(name));
        }
        let credentials = Credentials::password(self.password.expose());
        let inner = repository
            .init(&credentials, &KeyOptions::default(), &pack_sizes())
            .map_err(error::failed("creating the repository"))?;
        Ok(OpenRepository { inner, gate, name })
    }

    /// Why no key was found. Many things have a file `config`.
    fn without_key(&self, name: String) -> RepositoryError {
        let has_keys = self.connect().and_then(|(repository, _)| {
            let mut keys = repository.list::<KeyId>().map_err(error::failed("reading the keys"))?;
            Ok(keys.next().is_some())
        });
        match has_keys {
            Ok(true) => RepositoryError::WrongPassword(name),
            Ok(false) => RepositoryError::NotARepository(name),
            Err(error) => error,
        }
    }

    fn connect(&self) -> Result<(Repository<()>, Arc<SnapshotGate>), RepositoryError> {
        // A cache would keep parts of the backups on this machine without anybody knowing.
        let options = RepositoryOptions::default().no_cache(true);
        let gate = Arc::new(SnapshotGate::new(self.backend()?));
        let backends = RepositoryBackends::new(Arc::clone(&gate) as Arc<dyn WriteBackend>, None);
        let repository = Repository::new(&options, &backends);
        Ok((repository.map_err(error::failed("reaching the repository"))?, gate))
    }

    fn backend(&self) -> Result<Arc<dyn WriteBackend>, RepositoryError> {
        let Patience { stall, .. } = self.patience;
        let rates = self.rates.clone();
        let network = || HttpServer::network(rates.clone(), stall);
        match &self.location {
            RepositoryLocation::Local(path) => {
                let directory = LocalDirectory::new(&path.to_string_lossy(), rates);
                Ok(Arc::new(directory.map_err(error::failed("reaching the repository"))?))
            }
            RepositoryLocation::Sftp(location) => self.remote(ObjectStore::sftp(location, rates, stall)),
            RepositoryLocation::S3(location) => {
                self.remote(network().and_then(|http| ObjectStore::s3(location, &self.region, http)))
            }
            RepositoryLocation::Rest(url) => {
                let account = self.rest_account.as_ref();
                self.remote(network().map(|http| RestServer::new(http, url, account)))
            }
            RepositoryLocation::Rclone(remote) => {
                let program = self.rclone.as_deref().ok_or(RepositoryError::NoRclone)?;
                self.remote(Rclone::start(program, remote, rates, stall))
            }
        }
    }

    fn remote(
        &self,
        transport: Result<impl Transport, TransportError>,
    ) -> Result<Arc<dyn WriteBackend>, RepositoryError> {
        let transport = transport.map_err(RepositoryError::unreachable)?;
        Ok(Arc::new(Remote::new(transport, self.patience, self.location.to_string())))
    }
}

/// How much of the data a check reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadData {
    /// Only what describes it.
    None,
    /// This percentage of the packs, chosen at random.
    Percent(u8),
    All,
}

fn pack_sizes() -> ConfigOptions {
    ConfigOptions::default()
        .set_datapack_size(ByteSize::mib(PACK_SIZE))
        .set_datapack_size_limit(ByteSize::mib(LARGEST_PACK_SIZE))
}

impl<S> OpenRepository<S> {
    /// Its address, without secrets.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl OpenRepository {
    /// Reads the index.
    pub fn indexed(self) -> Result<IndexedRepository, RepositoryError> {
        let inner = self.inner.to_indexed().map_err(error::failed("reading the index of the repository"))?;
        Ok(OpenRepository { inner, gate: self.gate, name: self.name })
    }

    /// Checks the structure of the repository, and what it has of the data. Returns the problems that were found.
    pub fn check(&self, read: ReadData) -> Result<Vec<String>, RepositoryError> {
        let options = CheckOptions::default();
        let options = match read {
            ReadData::None => options,
            ReadData::Percent(percent) => {
                options.read_data(true).read_data_subset(ReadSubsetOption::Percentage(f64::from(percent)))
            }
            ReadData::All => options.read_data(true),
        };
        let CheckResults(found) =
            self.inner.check(options).map_err(error::failed("checking the repository"))?;
        // A warning is of data that an interrupted copy left behind: the next prune removes it.
        let damage = |one: CheckResults| {
            let CheckResults(found) = &one;
            let text = found.iter().map(|(_, problem)| problem.to_string()).collect();
            one.is_ok().is_err().then_some(text)
        };
        Ok(found.into_iter().map(|one| CheckResults(vec![one])).filter_map(damage).collect())
    }
}
