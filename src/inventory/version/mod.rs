//! Versions of database servers: the one in an image, the one that last wrote the data, and whether the one opens the data of
//! the other. A version that is not known for certain is `None`, and nothing is claimed of it.

mod change;
mod data;
mod image;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use change::{VersionChange, change};
pub use data::{VersionFile, files_beside, files_of_container, files_of_service, of_control_file};
pub use image::of_image;

/// A database server whose versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerProgram {
    PostgreSql,
    MariaDb,
    MySql,
    MongoDb,
    Redis,
    Valkey,
    Qdrant,
}

impl ServerProgram {
    pub fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
            Self::MongoDb => "MongoDB",
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
            Self::Qdrant => "Qdrant",
        }
    }

    /// The server of a known program, by the name of its image.
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "postgresql" | "postgres" => Some(Self::PostgreSql),
            "mariadb" => Some(Self::MariaDb),
            "mysql" => Some(Self::MySql),
            "mongodb" | "mongo" => Some(Self::MongoDb),
            "redis" => Some(Self::Redis),
            "valkey" => Some(Self::Valkey),
            "qdrant" => Some(Self::Qdrant),
            _ => None,
        }
    }
}

/// The version of a server, as exactly as it is known: `PostgreSQL 15`, `MariaDB 10.11.6`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerVersion {
    pub program: ServerProgram,
    #[serde(with = "text")]
    pub numbers: Vec<u32>,
}

impl ServerVersion {
    /// Reads the numbers at the beginning of a version: `10.11.6-MariaDB`, `v1.19.0`, `17`.
    pub fn parse(program: ServerProgram, text: &str) -> Option<Self> {
        let numbers = numbers(text);
        (!numbers.is_empty()).then_some(Self { program, numbers })
    }

    fn major(&self) -> u32 {
        self.numbers[0]
    }

    /// `None` where only the major version is known.
    fn minor(&self) -> Option<u32> {
        self.numbers.get(1).copied()
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program.name(), text::join(&self.numbers))
    }
}

/// At most three numbers, which dots separate.
fn numbers(text: &str) -> Vec<u32> {
    let text = text.trim().trim_start_matches('v');
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    text[..end].split('.').map_while(|number| u32::from_str(number).ok()).take(3).collect()
}

/// The numbers of a version in JSON: `"10.11.6"`.
mod text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn join(numbers: &[u32]) -> String {
        numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
    }

    pub(super) fn serialize<S: Serializer>(numbers: &[u32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&join(numbers))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u32>, D::Error> {
        let text = String::deserialize(from)?;
        match super::numbers(&text) {
            numbers if numbers.is_empty() => Err(D::Error::custom(format!("`{text}` is no version"))),
            numbers => Ok(numbers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_is_written() {
        let version = ServerVersion::parse(ServerProgram::MariaDb, "10.11.6-MariaDB-log").expect("a version");
        assert_eq!(version.to_string(), "MariaDB 10.11.6");
        let json = serde_json::to_string(&version).expect("JSON");
        assert_eq!(json, r#"{"program":"mariadb","numbers":"10.11.6"}"#);
        assert_eq!(serde_json::from_str::<ServerVersion>(&json).expect("a version"), version);
        assert!(serde_json::from_str::<ServerVersion>(&json.replace("10.11.6", "new")).is_err());
        for odd in ["", "latest", "-1", "99999999999"] {
            assert_eq!(ServerVersion::parse(ServerProgram::Qdrant, odd), None, "{odd}");
        }
    }
}
