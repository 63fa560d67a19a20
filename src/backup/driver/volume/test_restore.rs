//! Test restore of a copy of files: a temporary server of the same image is started on them, and has to read everything.
//!
//! It has the command of its image, and not that of the service. What the server reads is counted and reported, and compared
//! with the last dump where nothing was written in between. The identifier of the data has to be the one that was seen when
//! it was copied.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{bail, ensure};

use super::last_dump::{self, Comparison};
use super::{archive_file, pipe};
use crate::backup::driver::mysql::MySqlDriver;
use crate::backup::driver::postgres::PostgresDriver;
use crate::backup::driver::scratch::{
    ScratchFiles, ScratchServer, ScratchSetup, ScratchVerdict, TestEnv, password_in, random, try_out,
};
use crate::backup::driver::{Driver as _, redis};
use crate::backup::fingerprint::Fingerprint;
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::Backup;
use crate::backup::test_restore::TestRestoreResult;
use crate::engine::MOST_OF_A_FILE;
use crate::inventory::known;
use crate::inventory::known::IdentityFile;
use crate::inventory::{SqlServer, StoreKind};
use crate::secret::Secret;
use crate::units::count;

/// The account that the temporary server gets, and the file that makes it.
const ACCOUNT: &str = "safe_compose_test";
const ACCOUNT_FILE: &str = "safe-compose-test.sql";

/// A server that can be started on a copy of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup::driver) enum FileServer {
    PostgreSql,
    MariaDb,
    MySql,
    Redis,
}

impl FileServer {
    /// The server of an image, if its data path is that of the official one.
    pub(in crate::backup::driver) fn of(image: &str) -> Option<Self> {
        let program = known::program(image).filter(|program| {
            program.paths.iter().all(|path| !path.starts_with("/bitnami") && !path.starts_with("/config"))
        })?;
        match program.identity {
            Some(IdentityFile::PostgreSql) => Some(Self::PostgreSql),
            Some(IdentityFile::MariaDb) => Some(Self::MariaDb),
            Some(IdentityFile::MySql) => Some(Self::MySql),
            None => ["redis", "valkey", "keydb"].contains(&program.name()).then_some(Self::Redis),
        }
    }

    fn kind(self) -> StoreKind {
        match self {
            Self::PostgreSql => StoreKind::Sql(SqlServer::PostgreSql),
            Self::MariaDb | Self::MySql => StoreKind::Sql(SqlServer::MySql),
            Self::Redis => StoreKind::Volume,
        }
    }

    /// The file that identifies its data.
    fn identity(self) -> Option<IdentityFile> {
        match self {
            Self::PostgreSql => Some(IdentityFile::PostgreSql),
            Self::MariaDb => Some(IdentityFile::MariaDb),
            Self::MySql => Some(IdentityFile::MySql),
            Self::Redis => None,
        }
    }

    /// The files or directories of which one shows that the data is there.
    fn markers(self) -> &'static [&'static str] {
        match self {
            Self::PostgreSql => &["PG_VERSION"],
            Self::MariaDb | Self::MySql => &["ibdata1"],
            Self::Redis => &["dump.rdb", "appendonlydir", "appendonly.aof"],
        }
    }
}

pub(super) async fn run(env: TestEnv<'_>, from: &Backup) -> anyhow::Result<TestRestoreResult> {
    let image = &from.manifest.image;
    let Some(server) = FileServer::of(image) else {
        bail!(
            "`{}` contains files, and `{image}` is no server that can be started on a copy of them",
            from.name()
        )
    };
    let variables = variables(env, from).await;
    let directories = data_directories(env, from, &variables).await;
    let files = directories_of(from)?;
    let FoundFiles { markers, identities } = find_files(&files, server).await?;
    let is_data = |path: &PathBuf| directories.iter().any(|directory| path.parent() == Some(directory));
    let found: BTreeSet<PathBuf> = markers.into_iter().filter(is_data).collect();
    ensure!(
        !found.is_empty(),
        "`{}` does not contain the data where `{image}` expects it ({})",
        from.name(),
        directories.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    );
    if let Some(reason) = other_identity(from, &identities, &directories) {
        let image = image.clone();
        return Ok(TestRestoreResult { image, server: None, contents: None, reasons: vec![reason] });
    }
    let setup = setup(server, variables, files, &found)?;
    let (limit, last_dump) = (env.ready_timeout, env.last_dump.cloned());
    let result = try_out(
        env,
        from,
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                task.detail("reading everything");
                examine(scratch, server, limit, last_dump.as_ref()).await
            })
        }),
    )
    .await?;
    if result.reasons.is_empty() || starts_without_files(env, from, server).await? {
        return Ok(result);
    }
    bail!(
        "the temporary server does not work without the files either, so this says nothing about them: {}",
        result.reasons.join("; ")
    )
}

/// The variables of the service that decide where its data is and who may read it, if its container still exists.
async fn variables(env: TestEnv<'_>, from: &Backup) -> BTreeMap<String, Secret> {
    const NAMES: [&str; 3] = ["PGDATA", "POSTGRES_USER", "POSTGRES_PASSWORD"];
    let name = &from.manifest.container;
    let container = if name.is_empty() { None } else { env.engine.inspect(name).await.ok().flatten() };
    let mut variables = container
        .filter(|container| container.service() == Some(from.manifest.service.as_str()))
        .map(|container| container.environment)
        .unwrap_or_default();
    variables.retain(|name, _| NAMES.contains(&name.as_str()));
    variables
}

/// Where the image may have its data.
async fn data_directories(
    env: TestEnv<'_>,
    from: &Backup,
    variables: &BTreeMap<String, Secret>,
) -> Vec<PathBuf> {
    let manifest = &from.manifest;
    let Some(program) = known::program(&manifest.image) else { return Vec::new() };
    let Some(variable) = program.variable else { return program.paths.iter().map(PathBuf::from).collect() };
    let mut image = env.engine.image(&manifest.image_id).await.ok().flatten();
    if image.is_none() {
        image = env.engine.image(&manifest.image).await.ok().flatten();
    }
    let by_image = image.and_then(|image| image.environment.get(variable).cloned());
    match variables.get(variable).map(|value| value.expose().to_owned()).or(by_image) {
        Some(path) => vec![PathBuf::from(path)],
        None => program.paths.iter().map(PathBuf::from).collect(),
    }
}

/// The archives of directories. A single file of the host is configuration.
pub(in crate::backup::driver) fn directories_of(from: &Backup) -> anyhow::Result<Vec<ScratchFiles>> {
    let mut files = Vec::new();
    for artifact in &from.manifest.artifacts {
        let ArtifactContents::Files { target, .. } = &artifact.contents else { continue };
        let archive = from.directory.join(&artifact.path);
        let is_directory = match tar::Archive::new(archive_file::open(&archive)?).entries()?.next() {
            Some(first) => first?.header().entry_type().is_dir(),
            None => false,
        };
        if is_directory {
            files.push(ScratchFiles { archive, target: PathBuf::from(target) });
        }
    }
    Ok(files)
}

/// What was found in the archives, by the paths in the container.
#[derive(Default)]
struct FoundFiles {
    markers: BTreeSet<PathBuf>,
    /// The identifiers of data directories, by the file that has them.
    identities: BTreeMap<PathBuf, String>,
}

async fn find_files(files: &[ScratchFiles], server: FileServer) -> anyhow::Result<FoundFiles> {
    let files = files.to_vec();
    pipe::blocking(move || {
        let mut found = FoundFiles::default();
        for ScratchFiles { archive, target } in &files {
            let parent = target.parent().unwrap_or(Path::new("/"));
            let mut archive = tar::Archive::new(archive_file::open(archive)?);
            for entry in archive.entries()? {
                let mut entry = entry?;
                let path = parent.join(entry.path()?);
                if server.markers().iter().any(|marker| path.file_name() == Some(marker.as_ref())) {
                    found.markers.insert(path);
                } else if let Some(identity) = server.identity().filter(|file| file.is_at(&path)) {
                    let mut content = Vec::new();
                    entry.by_ref().take(MOST_OF_A_FILE).read_to_end(&mut content)?;
                    found.identities.extend(identity.parse(&content).map(|id| (path, id)));
                }
            }
        }
        Ok(found)
    })
    .await
}

/// That the files have another identifier than the data had when they were copied.
fn other_identity(
    from: &Backup,
    identities: &BTreeMap<PathBuf, String>,
    directories: &[PathBuf],
) -> Option<String> {
    let recorded = from.manifest.evidence.as_ref()?.server.as_ref()?;
    let is_data = |path: &Path| {
        recorded.program.directory_of(path).is_some_and(|directory| directories.contains(&directory))
    };
    let found = identities.iter().find(|(path, _)| is_data(path)).map(|(_, id)| id)?;
    (*found != recorded.id).then(|| {
        let noun = recorded.program.noun();
        format!("it contains the files of {noun} {found}, and that of the service was {}", recorded.id)
    })
}

fn setup(
    server: FileServer,
    mut environment: BTreeMap<String, Secret>,
    files: Vec<ScratchFiles>,
    found: &BTreeSet<PathBuf>,
) -> anyhow::Result<ScratchSetup> {
    let (mut command, mut notes) = (Vec::new(), Vec::new());
    match server {
        FileServer::PostgreSql => {}
        FileServer::MariaDb | FileServer::MySql => {
            // Nobody knows the passwords in the copy.
            let password = format!("{}-Aa1", random(16)?);
            let statements = format!(
                "CREATE USER '{ACCOUNT}'@'localhost' IDENTIFIED BY '{password}';\n\
                 GRANT ALL ON *.* TO '{ACCOUNT}'@'localhost' WITH GRANT OPTION;\n"
            );
            notes.push((ACCOUNT_FILE.to_owned(), statements));
            for name in ["MARIADB_ROOT", "MYSQL_ROOT"] {
                environment.insert(format!("{name}_USER"), Secret::new(ACCOUNT));
                environment.insert(format!("{name}_PASSWORD"), Secret::new(password.as_str()));
            }
            let program = if server == FileServer::MariaDb { "mariadbd" } else { "mysqld" };
            command = vec![program.to_owned(), format!("--init-file=/{ACCOUNT_FILE}")];
        }
        FileServer::Redis => {
            let appends = |path: &PathBuf| path.file_name().is_some_and(|name| name != "dump.rdb");
            if found.iter().any(appends) {
                command = ["--appendonly", "yes"].map(str::to_owned).to_vec();
            }
        }
    }
    Ok(ScratchSetup { kind: server.kind(), environment, command, files, empty: Vec::new(), notes })
}

/// Makes the server read everything.
async fn examine(
    scratch: &ScratchServer,
    server: FileServer,
    limit: Duration,
    last_dump: Option<&Backup>,
) -> anyhow::Result<ScratchVerdict> {
    let read = match wait(scratch, server, limit).await {
        Ok(()) => read_everything(scratch, server, last_dump).await,
        // It may only be slow.
        Err(error) if scratch.runs().await? => return Err(error),
        Err(error) => Err(error),
    };
    match read {
        Ok(ReadContents { contents: None, .. }) => {
            bail!("the temporary server has found nothing in the files")
        }
        Ok(ReadContents { version, contents, difference }) => {
            Ok(ScratchVerdict { server: Some(version), contents, reasons: difference.into_iter().collect() })
        }
        Err(error) => {
            Ok(ScratchVerdict { server: None, contents: None, reasons: vec![scratch.blame(error).await?] })
        }
    }
}

async fn wait(scratch: &ScratchServer, server: FileServer, limit: Duration) -> anyhow::Result<()> {
    let target = scratch.target();
    match server {
        FileServer::Redis => scratch.wait_until(limit, || redis::look(target)).await.map(drop),
        FileServer::PostgreSql => {
            scratch.wait_until(limit, || PostgresDriver.wait_ready(target, Duration::ZERO)).await
        }
        FileServer::MariaDb | FileServer::MySql => {
            scratch.wait_until(limit, || MySqlDriver.wait_ready(target, Duration::ZERO)).await
        }
    }
}

/// What a server has read.
struct ReadContents {
    version: String,
    /// `None` if that is nothing.
    contents: Option<String>,
    /// How it differs from the last dump, although nothing was written in between.
    difference: Option<String>,
}

async fn read_everything(
    scratch: &ScratchServer,
    server: FileServer,
    last_dump: Option<&Backup>,
) -> anyhow::Result<ReadContents> {
    let target = scratch.target();
    let found = match server {
        FileServer::Redis => {
            let found = redis::look(target).await?;
            let contents = (found.keys > 0).then(|| count(found.keys, "key"));
            return Ok(ReadContents { version: found.version, contents, difference: None });
        }
        FileServer::PostgreSql => PostgresDriver.fingerprint(target).await?,
        FileServer::MariaDb | FileServer::MySql => MySqlDriver.fingerprint(target).await?,
    };
    let Fingerprint::Databases(found) = found else {
        return Ok(ReadContents { version: String::new(), contents: None, difference: None });
    };
    let databases = count(found.databases.len() as u64, "database");
    let contents = format!("{databases}, {}", count(found.rows(), "row"));
    let (contents, difference) = match last_dump {
        None => (contents, None),
        Some(dump) => match last_dump::compare(target, dump, &found).await {
            Comparison::NotPossible => (contents, None),
            Comparison::Equal => (format!("{contents}, as in the dump `{}`", dump.name()), None),
            Comparison::Different(difference) => (contents, Some(difference)),
        },
    };
    Ok(ReadContents { version: found.version, contents: Some(contents), difference })
}

/// Whether the image starts a server that has no files yet: otherwise one that does not start proves nothing.
async fn starts_without_files(env: TestEnv<'_>, from: &Backup, server: FileServer) -> anyhow::Result<bool> {
    let names = ["POSTGRES_PASSWORD", "MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"];
    let setup = ScratchSetup::empty(server.kind(), password_in(&names)?);
    let limit = env.ready_timeout;
    let tried = try_out(
        env,
        from,
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                task.detail("starting a server without the files, to compare");
                wait(scratch, server, limit).await?;
                Ok(ScratchVerdict { server: None, contents: None, reasons: Vec::new() })
            })
        }),
    );
    Ok(tried.await.is_ok())
}
