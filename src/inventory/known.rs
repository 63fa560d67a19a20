//! Where common programs keep their data, from the documentation and the Dockerfiles of their images.
//!
//! It serves to tell data from what a program may lose: a driver is another matter. An image is known by the last part
//! of its name, whole: an exporter or an admin page of a database holds none of its data.

mod table;

use std::path::{Path, PathBuf};

use crate::compose::image::Reference;
use crate::engine::Container;
use crate::secret::Secret;
use table::PROGRAMS;

/// One program.
#[derive(Debug)]
pub struct KnownProgram {
    names: &'static [&'static str],
    /// A part that the repository has to have, where the name alone is too common.
    owner: Option<&'static str>,
    /// The places of its versions and vendors; one of them is used.
    pub paths: &'static [&'static str],
    /// The variable of the container that names the place.
    pub variable: Option<&'static str>,
    /// The flags of its command that name the place.
    pub flags: &'static [&'static str],
    pub keeps: Keeps,
    /// The image declares a `VOLUME` at the place: without a mount exactly there an anonymous volume comes to lie on it.
    pub volume: bool,
    /// The words that a command begins with when it is the server; a flag always is the server's.
    pub servers: &'static [&'static str],
    /// The port of its server, where who reaches it may be asked for a password.
    pub port: Option<u16>,
}

/// What the loss of its data would mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// A database: data that is nowhere else, under one server at a time.
    Records,
    /// The files of an application, which several of its processes may use, and whose records may be elsewhere.
    Files,
    /// Often only a cache, unless it is told to write to disk.
    Cache,
    /// The state of monitoring, of a broker or of a panel.
    State,
}

impl KnownProgram {
    /// What people call it.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// Paths that no other program uses, so that a mount there tells the program whatever its image is called.
const TELLING: &[&str] = &[
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

/// The paths where an image keeps its data, the usual one first. Empty for a program that we do not know.
pub(super) fn of_image(image: &str) -> Vec<PathBuf> {
    program(image).map(|program| program.paths.iter().map(PathBuf::from).collect()).unwrap_or_default()
}

/// The same for a container, which may say itself where its data is.
pub(super) fn of_container(container: &Container) -> Vec<PathBuf> {
    let Some(program) = program(&container.image) else { return Vec::new() };
    let said = program.variable.and_then(|name| container.environment.get(name));
    match said.map(Secret::expose) {
        Some(path) if path.starts_with('/') => vec![PathBuf::from(path)],
        Some(_) | None => program.paths.iter().map(PathBuf::from).collect(),
    }
}

/// Whether a mount at this path tells of data, whatever the image.
pub(super) fn tells(target: &Path) -> bool {
    TELLING.iter().any(|path| target == Path::new(path))
}

/// The program of an image, by its reference.
pub fn program(image: &str) -> Option<&'static KnownProgram> {
    let reference = Reference::parse(image);
    let name = reference.name();
    PROGRAMS
        .iter()
        .filter(|program| program.names.contains(&name))
        .find(|program| program.owner.is_none_or(|owner| reference.repository.contains(owner)))
}

/// Every program that is known.
pub fn programs() -> &'static [KnownProgram] {
    PROGRAMS
}

impl KnownProgram {
    /// An image that is known as this program.
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
    fn databases_are_known_by_their_whole_name() {
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
    fn every_path_is_absolute_and_every_example_is_known_as_itself() {
        for program in PROGRAMS {
            assert!(program.paths.iter().all(|path| path.starts_with('/')), "{program:?}");
            let found = super::program(&program.example()).expect("known");
            assert!(std::ptr::eq(found, program), "{} is known as {}", program.example(), found.name());
        }
    }

    #[test]
    fn only_a_path_of_its_own_tells() {
        assert!(tells(Path::new("/var/lib/mysql")));
        assert!(!tells(Path::new("/data")) && !tells(Path::new("/app")));
    }
}
