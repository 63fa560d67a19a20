//! The version of the server in an image: what the image's own variables say, or else the tag of a well-known repository.

use super::{ServerProgram, ServerVersion};
use crate::compose::image::Reference;
use crate::engine::Image;
use crate::inventory::known;

/// What an image sets to the version of its server. Images that are built on it inherit the variable.
const VARIABLES: &[(&str, ServerProgram)] = &[
    ("PG_MAJOR", ServerProgram::PostgreSql),
    ("PG_VERSION", ServerProgram::PostgreSql),
    ("MARIADB_VERSION", ServerProgram::MariaDb),
    ("MYSQL_VERSION", ServerProgram::MySql),
    ("MYSQL_MAJOR", ServerProgram::MySql),
    ("PS_VERSION", ServerProgram::MySql),
    ("MONGO_VERSION", ServerProgram::MongoDb),
    ("VALKEY_VERSION", ServerProgram::Valkey),
    ("REDIS_VERSION", ServerProgram::Redis),
    ("QDRANT_VERSION", ServerProgram::Qdrant),
];

/// The version of the server in an image. `found` is the image, `None` if the engine does not have it yet.
pub fn of_image(reference: &str, found: Option<&Image>) -> Option<ServerVersion> {
    found.and_then(by_variable).or_else(|| by_tag(reference))
}

fn by_variable(image: &Image) -> Option<ServerVersion> {
    let value = |name: &str| image.environment.get(name).map(String::as_str);
    // All images of one vendor have the version in the same variable.
    if let (Some(name), Some(version)) = (value("BITNAMI_APP_NAME"), value("APP_VERSION")) {
        let name = name.trim_end_matches("-repmgr").trim_end_matches("-galera");
        return ServerVersion::parse(ServerProgram::of_name(name)?, version);
    }
    VARIABLES.iter().find_map(|(name, program)| {
        // Packages of Debian may have an epoch: `1:10.11.6+maria~ubu2204`.
        let version = value(name)?.rsplit(':').next()?;
        ServerVersion::parse(*program, version)
    })
}

/// The tag of an official repository, or of a mirror of one. Others may count their own versions.
fn by_tag(reference: &str) -> Option<ServerVersion> {
    let parsed = Reference::parse(reference);
    let (path, name) = parsed.repository.rsplit_once('/').unwrap_or(("", parsed.repository));
    let program = ServerProgram::of_name(known::program(reference)?.name())?;
    let owner = path.rsplit('/').next().unwrap_or_default();
    let is_official = match program {
        ServerProgram::Qdrant => name == "qdrant" && owner == "qdrant",
        ServerProgram::Valkey => name == "valkey" && owner == "valkey",
        ServerProgram::PostgreSql
        | ServerProgram::MariaDb
        | ServerProgram::MySql
        | ServerProgram::MongoDb
        | ServerProgram::Redis => {
            ["postgres", "mariadb", "mysql", "mongo", "redis"].contains(&name)
                && ["", "library", "docker.io"].contains(&owner)
        }
    };
    is_official.then(|| ServerVersion::parse(program, parsed.tag?)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(reference: &str, variables: &[(&str, &str)]) -> Option<String> {
        let environment = variables.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let image = Image { environment, ..Image::default() };
        of_image(reference, Some(&image)).map(|version| version.to_string())
    }

    #[test]
    fn the_variables_of_an_image_say_its_version_whatever_its_name() {
        let shown = |variables: &[(&str, &str)]| version("acme/db:2", variables).expect("a version");
        assert_eq!(shown(&[("PG_MAJOR", "15"), ("PG_VERSION", "15.18-1.pgdg12+1")]), "PostgreSQL 15");
        assert_eq!(shown(&[("MARIADB_VERSION", "1:10.11.6+maria~ubu2204")]), "MariaDB 10.11.6");
        assert_eq!(shown(&[("MYSQL_MAJOR", "8.4"), ("MYSQL_VERSION", "8.4.2-1.el9")]), "MySQL 8.4.2");
        assert_eq!(
            shown(&[("APP_VERSION", "16.4.0"), ("BITNAMI_APP_NAME", "postgresql")]),
            "PostgreSQL 16.4.0"
        );
        assert_eq!(version("acme/db:2", &[("APP_VERSION", "3.0")]), None);
        assert_eq!(version("postgres:15", &[("PG_MAJOR", "17")]).as_deref(), Some("PostgreSQL 17"));
    }

    #[test]
    fn only_the_tag_of_an_official_repository_is_a_version() {
        let shown = |reference: &str| of_image(reference, None).map(|version| version.to_string());
        assert_eq!(shown("postgres:17-alpine").as_deref(), Some("PostgreSQL 17"));
        assert_eq!(shown("mirror.example/library/mariadb:10.11").as_deref(), Some("MariaDB 10.11"));
        assert_eq!(shown("qdrant/qdrant:v1.19.0-unprivileged").as_deref(), Some("Qdrant 1.19.0"));
        assert_eq!(shown("mirror.example/qdrant/qdrant:v1.19").as_deref(), Some("Qdrant 1.19"));
        for unknown in [
            "postgres",
            "postgres:latest",
            "acme/postgres:3.2",
            "acme/qdrant:2.0",
            "nginx:1.27",
            "postgres:bookworm",
        ] {
            assert_eq!(shown(unknown), None, "{unknown}");
        }
    }
}
