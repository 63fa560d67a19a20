//! The data paths of common programs, from the documentation and the Dockerfiles of their images.
//!
//! They tell which mounts hold data; whether a driver exists for the program is independent. An image matches by the
//! complete last component of its name: an exporter or an admin interface of a database does not hold its data.

mod command;
mod data_path;
mod files;
mod identity;
mod table;

use std::path::{Path, PathBuf};

use crate::compose::image::Reference;
use crate::engine::{Container, MountSource};
use crate::secret::Secret;
use crate::settings::QuiesceMode;
use crate::store_kind::SqlServer;
pub use command::keeps_in_memory;
pub use identity::IdentityFile;
use table::PROGRAMS;

pub(super) use data_path::of_container;
pub use data_path::{every_path_of_image, every_path_of_service, of_service};
pub use files::FileContents;

/// A program that is known to hold data.
#[derive(Debug)]
pub struct KnownProgram {
    names: &'static [&'static str],
    /// A substring that the repository must contain, if the name alone is ambiguous.
    owner: Option<&'static str>,
    /// The data paths of its versions and vendors, one of which is used; empty if it writes nothing.
    pub paths: &'static [&'static str],
    /// The environment variable that sets the data path.
    pub variable: Option<&'static str>,
    /// The command-line flags that set the data path.
    pub flags: &'static [&'static str],
    /// The kind of data.
    pub keeps: Keeps,
    /// Whether the image declares a `VOLUME` at the data path: without a mount there, the engine creates an anonymous volume.
    pub volume: bool,
    /// The programs that start the server; a command that starts with a flag is for the server too.
    pub servers: &'static [&'static str],
    /// Files that its server always has, at the data path or below it, by name. Any of them shows that the data is there.
    pub files: &'static [&'static str],
    /// Whether its server may run without any file at the data path: in a mode that keeps everything in memory.
    pub may_be_empty: bool,
    /// The file that identifies its data.
    pub identity: Option<IdentityFile>,
    /// How it is kept from writing while its files are copied.
    pub quiesce: QuiesceMode,
    /// The port of its server, if it may ask clients for a password.
    pub port: Option<u16>,
    /// Whether it stores large objects: often too much to copy each time it is stopped.
    is_bulky: bool,
}

/// The kind of data, and so what its loss means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// A database: the only copy of the data, used by one server at a time.
    Records,
    /// The files of an application, possibly shared by processes; its database may be elsewhere.
    Files,
    /// Often only a cache, unless configured to write to disk.
    Cache,
    /// The state of a monitoring system, a broker or a dashboard.
    State,
}

impl KnownProgram {
    /// The usual name.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// Paths that only one program uses, so that a mount there identifies it whatever its image is called.
const UNIQUE_PATHS: &[&str] = &[
    "/qdrant/storage",
    "/var/lib/postgresql",
    "/var/lib/postgresql/data",
    "/var/lib/mysql",
    "/data/db",
    "/usr/share/elasticsearch/data",
    "/usr/share/opensearch/data",
    "/var/lib/clickhouse",
    "/var/lib/influxdb",
    "/var/lib/influxdb2",
    "/var/lib/rabbitmq",
    "/var/lib/weaviate",
    "/meili_data",
    "/var/lib/milvus",
    "/var/lib/grafana",
    "/prometheus",
    "/opt/couchdb/data",
    "/var/lib/cassandra",
    "/var/opt/mssql",
];

/// The data paths of an image, the default first. Empty for an unknown program.
pub(super) fn of_image(image: &str) -> Vec<PathBuf> {
    program(image).map(|program| program.paths.iter().map(PathBuf::from).collect()).unwrap_or_default()
}

/// The database server of a container, if it has tools of its own for dumps.
pub fn sql_server(container: &Container) -> Option<SqlServer> {
    match identity_files(container).first()?.0 {
        IdentityFile::PostgreSql => Some(SqlServer::PostgreSql),
        IdentityFile::MySql | IdentityFile::MariaDb => Some(SqlServer::MySql),
    }
}

/// The files that may identify the data of a container, the likeliest first. Where the image is of no known program, the
/// paths of its mounts tell which one it is.
pub fn identity_files(container: &Container) -> Vec<(IdentityFile, PathBuf)> {
    let mut found = Vec::new();
    for program in programs_of(container) {
        let Some(file) = program.identity else { continue };
        let configured =
            program.variable.and_then(|name| container.environment.get(name)).map(Secret::expose);
        let by_flag = flag_value(&container.command, program.flags);
        let directories: Vec<PathBuf> = match by_flag.or(configured).filter(|path| path.starts_with('/')) {
            Some(directory) => vec![PathBuf::from(directory)],
            None => program.paths.iter().flat_map(|path| file.directories(Path::new(path))).collect(),
        };
        for directory in directories {
            let path = directory.join(file.path());
            if !found.contains(&(file, path.clone())) {
                found.push((file, path));
            }
        }
    }
    found
}

/// The program of a container's image. Where that is unknown, those whose data paths are mounted.
fn programs_of(container: &Container) -> Vec<&'static KnownProgram> {
    let by_path = |program: &&KnownProgram| {
        container.mounts.iter().any(|mount| {
            is_data_path(&mount.destination)
                && program.paths.iter().any(|path| mount.destination == Path::new(path))
        })
    };
    match program(&container.image) {
        Some(program) => vec![program],
        None => PROGRAMS.iter().filter(by_path).collect(),
    }
}

/// Whether a container is a database that is backed up whenever it is stopped: it keeps records, or is a cache that was
/// configured to keep its data, and is no store of large objects.
pub fn is_database(container: &Container) -> bool {
    programs_of(container).iter().any(|program| match program.keeps {
        Keeps::Records => !program.is_bulky,
        Keeps::Cache => !is_transient(container),
        Keeps::Files | Keeps::State => false,
    })
}

/// What may identify the data at a path that only one kind of server uses, and the directories where it may be.
pub fn identities_of_path(path: &Path) -> Vec<(IdentityFile, PathBuf)> {
    let programs =
        PROGRAMS.iter().filter(|program| program.paths.iter().any(|known| path == Path::new(known)));
    let mut found = Vec::new();
    for file in programs.filter_map(|program| program.identity).filter(|_| is_data_path(path)) {
        for directory in file.directories(path) {
            if !found.contains(&(file, directory.clone())) {
                found.push((file, directory));
            }
        }
    }
    found
}

/// The value of the first of these flags in a command: `--flag=VALUE` or `--flag VALUE`.
fn flag_value<'a>(command: &'a [String], flags: &[&str]) -> Option<&'a str> {
    let mut words = command.iter();
    while let Some(word) = words.next() {
        for flag in flags {
            match word.strip_prefix(flag) {
                Some("") => return words.next().map(String::as_str),
                Some(rest) => {
                    if let Some(value) = rest.strip_prefix('=') {
                        return Some(value);
                    }
                }
                None => {}
            }
        }
    }
    None
}

/// How a program is kept from writing while its files are copied. The files of a program that is paused are those that a
/// crash would leave, which is sound for everything that survives a crash, and no worse for the rest.
pub fn quiesce(image: &str) -> QuiesceMode {
    program(image).map_or(QuiesceMode::Pause, |program| program.quiesce)
}

/// Whether a container is a cache or a broker that nobody asked to keep its data: nothing is mounted at its data path but
/// what the engine creates itself, and no setting asks for persistence.
pub fn is_transient(container: &Container) -> bool {
    let is_cache = program(&container.image)
        .is_some_and(|program| program.keeps == Keeps::Cache || program.name() == "rabbitmq");
    let paths = of_container(container);
    let keeps = container.mounts.iter().any(|mount| {
        let by_user = match &mount.source {
            MountSource::Volume { anonymous, .. } => !anonymous,
            MountSource::Bind { .. } | MountSource::Other => true,
            MountSource::Tmpfs => false,
        };
        let is_configuration = mount.destination.components().any(|part| part.as_os_str() == "etc");
        let is_data = paths
            .iter()
            .any(|path| path.starts_with(&mount.destination) || mount.destination.starts_with(path));
        by_user && (is_configuration || is_data)
    });
    is_cache && !keeps && !asks_for_persistence(container)
}

/// Whether the command or the environment asks for persistence, or names a file that may.
fn asks_for_persistence(container: &Container) -> bool {
    const NOTHING: [&str; 4] = ["", "no", "\"\"", "''"];
    let environment = container.environment.iter().filter(|(name, _)| {
        ["REDIS_", "VALKEY_", "KEYDB_", "DFLY_", "RABBITMQ_"].iter().any(|prefix| name.starts_with(prefix))
    });
    let by_variable = environment
        .clone()
        .any(|(name, value)| name.contains("AOF_ENABLED") && !NOTHING.contains(&value.expose()));
    let words = container.command.iter().map(String::as_str);
    let words: Vec<&str> = words
        .chain(environment.map(|(_, value)| value.expose()))
        // A word may be a line for a shell.
        .flat_map(|word| if word.is_empty() { vec![""] } else { word.split_whitespace().collect() })
        .collect();
    let by_flag = words
        .windows(2)
        .any(|pair| ["--appendonly", "--save", "--aof"].contains(&pair[0]) && !NOTHING.contains(&pair[1]));
    let by_file = words.iter().any(|word| {
        Path::new(word).extension().is_some_and(|extension| extension == "conf" || extension == "config")
    });
    by_variable || by_flag || by_file
}

/// Whether a mount at this path holds data, whatever the image.
pub(super) fn is_data_path(target: &Path) -> bool {
    UNIQUE_PATHS.iter().any(|path| target == Path::new(path))
}

/// The program of an image reference.
pub fn program(image: &str) -> Option<&'static KnownProgram> {
    let reference = Reference::parse(image);
    let name = reference.name();
    PROGRAMS
        .iter()
        .filter(|program| program.names.contains(&name))
        .find(|program| program.owner.is_none_or(|owner| reference.repository.contains(owner)))
}

/// All known programs.
#[cfg(any(test, feature = "internals"))]
pub fn programs() -> &'static [KnownProgram] {
    PROGRAMS
}

#[cfg(any(test, feature = "internals"))]
impl KnownProgram {
    /// An image reference that matches this program.
    pub fn example(&self) -> String {
        let name = self.names[0];
        match self.owner {
            Some(owner) => format!("{owner}/{name}").replace("//", "/").trim_start_matches('/').to_owned(),
            None => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_match_by_the_complete_name() {
        assert_eq!(of_image("postgres:17")[0], Path::new("/var/lib/postgresql/data"));
        assert_eq!(
            of_image("registry.example/team/timescaledb:latest")[0],
            Path::new("/var/lib/postgresql/data")
        );
        assert_eq!(of_image("mongo@sha256:00")[0], Path::new("/data/db"));
        assert_eq!(of_image("mcr.example.org/mssql/server:2022")[0], Path::new("/var/opt/mssql/data"));
        for other in ["prometheuscommunity/postgres-exporter", "redis-commander", "node:22", "acme/server"] {
            assert!(of_image(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn every_path_is_absolute_and_every_example_matches_its_program() {
        for program in PROGRAMS {
            assert!(program.paths.iter().all(|path| path.starts_with('/')), "{program:?}");
            let found = super::program(&program.example()).expect("known");
            assert!(std::ptr::eq(found, program), "{} matches {}", program.example(), found.name());
        }
    }

    #[test]
    fn only_unique_paths_identify_a_program() {
        assert!(is_data_path(Path::new("/var/lib/mysql")));
        assert!(!is_data_path(Path::new("/data")) && !is_data_path(Path::new("/app")));
    }
}
