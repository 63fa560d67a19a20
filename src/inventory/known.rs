//! Where common programs keep their data, from the documentation of their images.
//!
//! It serves only to tell data from what a program may lose: a driver is another matter. An image is known by the
//! last part of its name, whole: an exporter or an admin page of a database holds none of its data.

use std::path::{Path, PathBuf};

use crate::compose::image::Reference;
use crate::engine::Container;
use crate::secret::Secret;

/// One program.
#[derive(Debug)]
pub(super) struct Program {
    names: &'static [&'static str],
    /// The places of its versions and vendors; one of them is used.
    paths: &'static [&'static str],
    /// The variable of the container that names the place.
    variable: Option<&'static str>,
}

const fn program(names: &'static [&'static str], paths: &'static [&'static str]) -> Program {
    Program { names, paths, variable: None }
}

const PROGRAMS: &[Program] = &[
    program(&["qdrant"], &["/qdrant/storage"]),
    Program {
        names: &[
            "postgres",
            "postgis",
            "timescaledb",
            "timescaledb-ha",
            "pgvector",
            "pgvecto-rs",
            "vchord-postgres",
        ],
        paths: &["/var/lib/postgresql/data", "/var/lib/postgresql"],
        variable: Some("PGDATA"),
    },
    program(&["postgresql"], &["/bitnami/postgresql", "/var/lib/postgresql/data", "/var/lib/pgsql/data"]),
    program(&["mysql", "mysql-server", "percona", "percona-server"], &["/var/lib/mysql", "/bitnami/mysql"]),
    program(&["mariadb"], &["/var/lib/mysql", "/bitnami/mariadb"]),
    program(&["mongo", "mongodb", "mongodb-community-server"], &["/data/db", "/bitnami/mongodb"]),
    program(&["redis", "redis-stack", "redis-stack-server"], &["/data", "/bitnami/redis"]),
    program(&["valkey", "keydb", "dragonfly"], &["/data", "/bitnami/valkey"]),
    program(&["elasticsearch"], &["/usr/share/elasticsearch/data", "/bitnami/elasticsearch/data"]),
    program(&["opensearch"], &["/usr/share/opensearch/data"]),
    program(&["solr"], &["/var/solr"]),
    program(&["clickhouse", "clickhouse-server"], &["/var/lib/clickhouse"]),
    program(&["influxdb"], &["/var/lib/influxdb2", "/var/lib/influxdb", "/var/lib/influxdb3"]),
    program(&["rabbitmq"], &["/var/lib/rabbitmq"]),
    program(&["minio"], &["/data"]),
    program(&["neo4j"], &["/data"]),
    program(&["weaviate"], &["/var/lib/weaviate"]),
    program(&["meilisearch"], &["/meili_data"]),
    program(&["typesense"], &["/data"]),
    program(&["milvus"], &["/var/lib/milvus"]),
    program(&["chroma"], &["/data", "/chroma/chroma"]),
    program(&["vaultwarden"], &["/data"]),
    program(&["gitea"], &["/data", "/var/lib/gitea"]),
    program(&["forgejo"], &["/data", "/var/lib/gitea"]),
    program(&["gitlab-ce", "gitlab-ee"], &["/var/opt/gitlab"]),
    program(&["grafana", "grafana-oss", "grafana-enterprise"], &["/var/lib/grafana"]),
    program(&["prometheus"], &["/prometheus"]),
    program(&["victoria-metrics"], &["/victoria-metrics-data"]),
    program(&["loki"], &["/loki"]),
    program(&["couchdb"], &["/opt/couchdb/data"]),
    program(&["couchbase"], &["/opt/couchbase/var"]),
    program(&["cassandra", "scylla"], &["/var/lib/cassandra", "/var/lib/scylla"]),
    program(&["cockroach"], &["/cockroach/cockroach-data"]),
    program(&["arangodb"], &["/var/lib/arangodb3"]),
    program(&["surrealdb"], &["/data"]),
    program(&["rethinkdb"], &["/data"]),
    program(&["etcd"], &["/etcd-data", "/bitnami/etcd"]),
    program(&["consul"], &["/consul/data"]),
    program(&["vault"], &["/vault/file"]),
    program(&["registry"], &["/var/lib/registry"]),
    program(&["nexus3"], &["/nexus-data"]),
    program(&["jenkins"], &["/var/jenkins_home"]),
    program(&["nextcloud"], &["/var/www/html"]),
    program(&["ghost"], &["/var/lib/ghost/content"]),
    program(&["n8n"], &["/home/node/.n8n"]),
    program(&["home-assistant"], &["/config"]),
    program(&["uptime-kuma"], &["/app/data"]),
    program(&["open-webui"], &["/app/backend/data"]),
    program(&["ollama"], &["/root/.ollama"]),
    program(&["mssql", "server"], &["/var/opt/mssql"]),
];

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
    find(image).map(|program| program.paths.iter().map(PathBuf::from).collect()).unwrap_or_default()
}

/// The same for a container, which may say itself where its data is.
pub(super) fn of_container(container: &Container) -> Vec<PathBuf> {
    let Some(program) = find(&container.image) else { return Vec::new() };
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

fn find(image: &str) -> Option<&'static Program> {
    let reference = Reference::parse(image);
    let name = reference.name();
    PROGRAMS
        .iter()
        .find(|program| program.names.contains(&name))
        // `server` is the last word of too many images.
        .filter(|_| name != "server" || reference.repository.contains("mssql"))
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
        assert_eq!(of_image("mcr.example.org/mssql/server:2022")[0], Path::new("/var/opt/mssql"));
        for other in ["prometheuscommunity/postgres-exporter", "redis-commander", "node:22", "acme/server"] {
            assert!(of_image(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn every_path_is_absolute_and_every_name_is_listed_once() {
        let mut names = std::collections::BTreeSet::new();
        for program in PROGRAMS {
            assert!(program.paths.iter().all(|path| path.starts_with('/')), "{program:?}");
            for name in program.names {
                assert!(names.insert(name), "{name} is listed twice");
            }
        }
    }

    #[test]
    fn only_a_path_of_its_own_tells() {
        assert!(tells(Path::new("/var/lib/mysql")));
        assert!(!tells(Path::new("/data")) && !tells(Path::new("/app")));
    }
}
