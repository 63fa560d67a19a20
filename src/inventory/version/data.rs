//! The files in which servers keep the version that last wrote their data.

use std::path::{Path, PathBuf};

use super::{ServerProgram, ServerVersion};
use crate::compose::model::Service;
use crate::engine::{Container, Image};
use crate::inventory::known::{self, IdentityFile, KnownProgram};

/// A file from which the version of the data can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionFile {
    /// `PG_VERSION`, the major version.
    PostgreSql,
    /// `mariadb_upgrade_info`, and `mysql_upgrade_info` of both programs: the last version that has upgraded the data.
    UpgradeInfo,
    /// `mysql_upgrade_history`, since MySQL 8.4.
    MySqlHistory,
    /// The head of InnoDB's log. A server that upgrades the data makes a new one.
    InnoDbLog,
    /// The head of a snapshot.
    RedisDump,
}

/// The catalog of each major version of PostgreSQL, which is the first that differs (`CATALOG_VERSION_NO`).
const CATALOGS: &[(u32, u32)] = &[
    (201_707_211, 10),
    (201_809_051, 11),
    (201_909_212, 12),
    (202_007_201, 13),
    (202_107_181, 14),
    (202_209_061, 15),
    (202_307_071, 16),
    (202_406_281, 17),
    (202_506_291, 18),
];

const POSTGRESQL: &[(VersionFile, &str)] = &[(VersionFile::PostgreSql, "PG_VERSION")];

/// The likeliest first. `mysql_upgrade_info` is that of a former version where a newer file exists.
const MYSQL: &[(VersionFile, &str)] = &[
    (VersionFile::UpgradeInfo, "mariadb_upgrade_info"),
    (VersionFile::MySqlHistory, "mysql_upgrade_history"),
    (VersionFile::UpgradeInfo, "mysql_upgrade_info"),
    (VersionFile::InnoDbLog, "ib_logfile0"),
];

const REDIS: &[(VersionFile, &str)] = &[(VersionFile::RedisDump, "dump.rdb")];

impl VersionFile {
    /// The version in the content, or the beginning, of the file; `None` if it is not such a file.
    pub fn parse(self, content: &[u8]) -> Option<ServerVersion> {
        let text = || std::str::from_utf8(content).ok();
        match self {
            Self::PostgreSql => ServerVersion::parse(ServerProgram::PostgreSql, text()?),
            Self::UpgradeInfo => of_mysql(text()?),
            Self::MySqlHistory => {
                let history: serde_json::Value = serde_json::from_slice(content).ok()?;
                let last = history.get("upgrade_history")?.as_array()?.last()?;
                ServerVersion::parse(ServerProgram::MySql, last.get("version")?.as_str()?)
            }
            Self::InnoDbLog => {
                let creator = content.get(16..48)?;
                let end = creator.iter().position(|byte| *byte == 0).unwrap_or(creator.len());
                let creator = std::str::from_utf8(&creator[..end]).ok()?;
                let (program, version) = creator.split_once(' ')?;
                match program {
                    "MariaDB" => ServerVersion::parse(ServerProgram::MariaDb, version),
                    "MySQL" => ServerVersion::parse(ServerProgram::MySql, version),
                    _ => None,
                }
            }
            Self::RedisDump => of_redis(content),
        }
    }
}

/// The version of PostgreSQL in `global/pg_control`, which has the system identifier, its own format and the catalog.
pub fn of_control_file(content: &[u8]) -> Option<ServerVersion> {
    IdentityFile::PostgreSql.parse(content)?;
    let catalog = u32::from_le_bytes(content.get(12..16)?.try_into().ok()?);
    let (_, major) = CATALOGS.iter().find(|(known, _)| *known == catalog)?;
    Some(ServerVersion { program: ServerProgram::PostgreSql, numbers: vec![*major] })
}

/// `10.11.6-MariaDB` or `8.0.36`.
fn of_mysql(text: &str) -> Option<ServerVersion> {
    let program = if text.contains("MariaDB") { ServerProgram::MariaDb } else { ServerProgram::MySql };
    ServerVersion::parse(program, text)
}

/// `REDIS0011`, and the version of the server as the first of the auxiliary fields, with its name and its length. Valkey
/// has begun with the same word until version 9.
fn of_redis(content: &[u8]) -> Option<ServerVersion> {
    const HEAD: usize = 64;
    if !content.starts_with(b"REDIS") && !content.starts_with(b"VALKEY") {
        return None;
    }
    let head = &content[..content.len().min(HEAD)];
    let fields: [(&[u8], ServerProgram); 2] =
        [(b"\x0avalkey-ver", ServerProgram::Valkey), (b"\x09redis-ver", ServerProgram::Redis)];
    fields.into_iter().find_map(|(field, program)| {
        let at = head.windows(field.len()).position(|found| found == field)? + field.len();
        let length = usize::from(*head.get(at)?);
        ServerVersion::parse(program, std::str::from_utf8(head.get(at + 1..at + 1 + length)?).ok()?)
    })
}

/// The files of a container that may tell the version of its data, the likeliest first.
pub fn files_of_container(container: &Container) -> Vec<(VersionFile, PathBuf)> {
    let identities = known::identity_files(container);
    let directories =
        identities.iter().filter_map(|(file, path)| Some((files_of(*file), file.directory_of(path)?)));
    let redis = known::program(&container.image).filter(|program| is_redis(program));
    let redis = redis.into_iter().flat_map(|_| known::of_container(container)).map(|path| (REDIS, path));
    below(directories.chain(redis))
}

/// The files beside one that identifies the data.
pub fn files_beside(file: IdentityFile, path: &Path) -> Vec<(VersionFile, PathBuf)> {
    below(file.directory_of(path).into_iter().map(|directory| (files_of(file), directory)))
}

/// The same of the next container of a service. `found` is the service's image, `None` if the engine does not have it.
pub fn files_of_service(service: &Service, found: Option<&Image>) -> Vec<(VersionFile, PathBuf)> {
    let Some(program) = service.image.as_deref().and_then(known::program) else {
        // An image of another name is known by the path of its data.
        let by_path = service.mounts.iter().flat_map(|mount| known::identities_of_path(&mount.target));
        return below(by_path.map(|(file, directory)| (files_of(file), directory)));
    };
    let paths = known::of_service(service, found);
    match program.identity {
        Some(file) => {
            let directories = paths.iter().flat_map(|path| file.directories(path));
            below(directories.map(|directory| (files_of(file), directory)))
        }
        None if is_redis(program) => below(paths.into_iter().map(|path| (REDIS, path))),
        None => Vec::new(),
    }
}

fn is_redis(program: &KnownProgram) -> bool {
    ["redis", "valkey"].contains(&program.name())
}

fn files_of(file: IdentityFile) -> &'static [(VersionFile, &'static str)] {
    match file {
        IdentityFile::PostgreSql => POSTGRESQL,
        IdentityFile::MySql | IdentityFile::MariaDb => MYSQL,
    }
}

fn below(
    directories: impl Iterator<Item = (&'static [(VersionFile, &'static str)], PathBuf)>,
) -> Vec<(VersionFile, PathBuf)> {
    let mut found: Vec<(VersionFile, PathBuf)> = Vec::new();
    for (files, directory) in directories {
        for (file, name) in files {
            let path = directory.join(name);
            if !found.contains(&(*file, path.clone())) {
                found.push((*file, path));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(file: VersionFile, content: &[u8]) -> Option<String> {
        file.parse(content).map(|version| version.to_string())
    }

    #[test]
    fn versions_are_read_from_the_files_of_the_servers() {
        assert_eq!(shown(VersionFile::PostgreSql, b"15\n").as_deref(), Some("PostgreSQL 15"));
        let info = VersionFile::UpgradeInfo;
        assert_eq!(shown(info, b"10.11.6-MariaDB\0").as_deref(), Some("MariaDB 10.11.6"));
        assert_eq!(shown(info, b"8.0.36").as_deref(), Some("MySQL 8.0.36"));
        let history = br#"{"file_format":"1","upgrade_history":[
            {"date":"2024-05-01 10:00:00","version":"8.0.36","maturity":"LTS","initialize":true},
            {"date":"2025-05-01 10:00:00","version":"8.4.2","maturity":"LTS"}]}"#;
        assert_eq!(shown(VersionFile::MySqlHistory, history).as_deref(), Some("MySQL 8.4.2"));
        let mut log = vec![0; 512];
        log[16..32].copy_from_slice(b"MariaDB 10.11.18");
        assert_eq!(shown(VersionFile::InnoDbLog, &log).as_deref(), Some("MariaDB 10.11.18"));
        let dump = b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x0aredis-bits\xc0@";
        assert_eq!(shown(VersionFile::RedisDump, dump).as_deref(), Some("Redis 7.0.15"));
        let dump = b"REDIS0011\xfa\x0avalkey-ver\x058.1.0\xfa\x0aredis-bits\xc0@";
        assert_eq!(shown(VersionFile::RedisDump, dump).as_deref(), Some("Valkey 8.1.0"));
    }

    #[test]
    fn the_control_file_of_postgresql_has_the_catalog() {
        let mut control = vec![0; 8192];
        control[..8].copy_from_slice(&7_412_345_678_901_234_567_u64.to_le_bytes());
        control[8..12].copy_from_slice(&1300_u32.to_le_bytes());
        assert_eq!(of_control_file(&control), None, "a catalog that is not known");
        control[12..16].copy_from_slice(&202_209_061_u32.to_le_bytes());
        assert_eq!(of_control_file(&control).expect("known").to_string(), "PostgreSQL 15");
        assert_eq!(of_control_file(&control[..14]), None);
    }

    #[test]
    fn another_file_has_no_version() {
        use VersionFile as F;
        for file in [F::PostgreSql, F::UpgradeInfo, F::MySqlHistory, F::InnoDbLog, F::RedisDump] {
            for content in
                [&b""[..], &[0; 512], b"{}", b"REDIS0010", b"\xff\xff", b"REDIS0010\xfa\x09redis-ver\x40"]
            {
                assert_eq!(file.parse(content), None, "{file:?} {content:?}");
            }
        }
    }

    #[test]
    fn the_files_are_in_the_data_directory() {
        use crate::compose::model::{DeclaredSource, MountDeclaration};
        let mount = MountDeclaration {
            source: DeclaredSource::Anonymous,
            target: "/var/lib/mysql".into(),
            read_only: false,
        };
        let service = |image: &str| Service {
            image: Some(image.into()),
            mounts: vec![mount.clone()],
            ..Service::default()
        };
        let has = |image: &str, path: &str| {
            files_of_service(&service(image), None).iter().any(|(_, found)| found == Path::new(path))
        };
        assert!(has("postgres:17", "/var/lib/postgresql/data/PG_VERSION"));
        assert!(has("bitnami/postgresql:17", "/bitnami/postgresql/data/PG_VERSION"));
        assert!(has("mariadb:11", "/var/lib/mysql/mysql_upgrade_info"));
        assert!(has("redis:7", "/data/dump.rdb"));
        assert!(has("acme/shop-db:3", "/var/lib/mysql/ib_logfile0"), "known by the path");
        assert!(
            files_of_service(&service("nginx"), None)
                .iter()
                .all(|(file, _)| *file != VersionFile::PostgreSql)
        );
    }
}
