//! What is cheap to find out about the data of any store: whether it is there, and whether it is still the same.
//!
//! It tells a store that lost its data from one that is only written to. It does not tell whether anything inside is
//! missing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::Difference;
use crate::engine::VolumeIdentity;
use crate::inventory::known::IdentityFile;
use crate::inventory::version::ServerVersion;

/// What was seen of the data of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreEvidence {
    pub time: Timestamp,
    /// Whether there is any: for a server its collections, otherwise a file that is not empty.
    pub has_data: bool,
    /// The identifier that the server gave its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerIdentity>,
    /// The version of the server that last wrote the data, if it is known for certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<ServerVersion>,
    /// The volumes of the data by their names; `None` for one that cannot be told from a later one of the same name.
    #[serde(default)]
    pub volumes: BTreeMap<String, Option<VolumeIdentity>>,
}

/// An identifier that a server keeps in its data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerIdentity {
    pub program: IdentityFile,
    pub id: String,
}

impl std::fmt::Display for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.program.noun(), self.id)
    }
}

impl StoreEvidence {
    /// Without what another volume with the same data would change: what a backup of the data can be compared by.
    #[must_use]
    pub fn of_contents(self) -> Self {
        Self { volumes: BTreeMap::new(), ..self }
    }

    /// What is known after a later look at the same data; `None` if that is nothing new. What the later look could not
    /// see, such as a directory that only root may enter, is kept.
    pub fn updated_by(&self, now: &Self) -> Option<Self> {
        let volume = |(name, seen): (&String, &Option<VolumeIdentity>)| {
            (name.clone(), seen.clone().or_else(|| self.volumes.get(name).cloned().flatten()))
        };
        let volumes = now.volumes.iter().map(volume).collect();
        let version = now.version.clone().or_else(|| self.version.clone());
        let updated = Self { version, volumes, ..now.clone() };
        (Self { time: now.time, ..self.clone() } != updated).then_some(updated)
    }

    /// How the data that was seen is gone. Where the server has an identifier, the same one is the same data, in whichever
    /// volume it is.
    pub fn compare(&self, now: &Self) -> Vec<Difference> {
        if !self.has_data || now.has_data {
            return self.replaced_by(now);
        }
        match (&self.server, self.same_volume(now)) {
            (None, Some(volume)) => vec![Difference::EmptiedVolume { volume }],
            _ => self.compare_volumes(now).into_iter().chain([Difference::NoData]).collect(),
        }
    }

    /// The name of the volume, if all are certainly the same as before.
    fn same_volume(&self, now: &Self) -> Option<String> {
        let is_same = |(name, recorded): (&String, &Option<VolumeIdentity>)| {
            let now = now.volumes.get(name)?;
            recorded.as_ref()?.is_same(now.as_ref()?)
        };
        let all = self.volumes.iter().all(|volume| is_same(volume) == Some(true));
        self.volumes.keys().next().filter(|_| all).cloned()
    }

    /// How other data is in the place of the data that was seen. A server that is the same, and was emptied, was emptied by
    /// whoever uses it.
    pub fn replaced_by(&self, now: &Self) -> Vec<Difference> {
        if !self.has_data {
            return Vec::new();
        }
        if !now.has_data {
            return match self.server {
                Some(_) => self.compare(now),
                None => self.compare_volumes(now),
            };
        }
        match (&self.server, &now.server) {
            (Some(recorded), Some(now)) if recorded.program == now.program => {
                if recorded.id == now.id {
                    return Vec::new();
                }
                return vec![Difference::OtherServer {
                    server: recorded.program.noun().to_owned(),
                    recorded: recorded.id.clone(),
                    now: now.id.clone(),
                }];
            }
            (Some(recorded), None) => {
                return vec![Difference::NoServerData { server: recorded.to_string() }];
            }
            (Some(_) | None, _) => {}
        }
        self.compare_volumes(now)
    }

    fn compare_volumes(&self, now: &Self) -> Vec<Difference> {
        let known =
            self.volumes.iter().filter_map(|(name, recorded)| Some((name, recorded, now.volumes.get(name)?)));
        let mut is_kept = self.volumes.is_empty() || now.volumes.is_empty();
        let mut differences = Vec::new();
        for (name, recorded, now) in known {
            is_kept = true;
            if let (Some(recorded), Some(now)) = (recorded, now)
                && recorded.is_same(now) == Some(false)
            {
                differences.push(Difference::RecreatedVolume { volume: name.clone() });
            }
        }
        if !is_kept {
            let names =
                |volumes: &BTreeMap<String, _>| volumes.keys().cloned().collect::<Vec<_>>().join(", ");
            differences.push(Difference::OtherVolume {
                recorded: names(&self.volumes),
                now: now.volumes.keys().cloned().collect::<Vec<_>>().join(", "),
            });
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> StoreEvidence {
        StoreEvidence {
            time: Timestamp::UNIX_EPOCH,
            has_data: true,
            server: None,
            version: None,
            volumes: BTreeMap::new(),
        }
    }

    fn server(program: IdentityFile, id: &str) -> StoreEvidence {
        StoreEvidence { server: Some(ServerIdentity { program, id: id.into() }), ..evidence() }
    }

    fn volumes(of: &[(&str, Option<&str>)]) -> StoreEvidence {
        let volumes =
            of.iter().map(|(name, created)| ((*name).to_owned(), created.map(VolumeIdentity::created_at)));
        StoreEvidence { volumes: volumes.collect(), ..evidence() }
    }

    fn with_volumes(evidence: StoreEvidence, of: &[(&str, Option<&str>)]) -> StoreEvidence {
        StoreEvidence { volumes: volumes(of).volumes, ..evidence }
    }

    #[test]
    fn nothing_is_lost_where_nothing_was() {
        let nothing = StoreEvidence { has_data: false, ..evidence() };
        assert_eq!(nothing.compare(&evidence()), []);
        assert_eq!(nothing.compare(&nothing), []);
        assert_eq!(evidence().compare(&nothing), [Difference::NoData]);
    }

    #[test]
    fn what_is_empty_may_be_the_same_and_a_volume_that_was_created_again_is_not() {
        let monday = volumes(&[("data", Some("monday"))]);
        let emptied = StoreEvidence { has_data: false, ..monday.clone() };
        assert_eq!(monday.compare(&emptied), [Difference::EmptiedVolume { volume: "data".into() }]);
        let unknown = StoreEvidence { has_data: false, ..volumes(&[("data", None)]) };
        assert_eq!(monday.compare(&unknown), [Difference::NoData], "it cannot be told");
        assert_eq!(monday.replaced_by(&emptied), []);
        let again = StoreEvidence { has_data: false, ..volumes(&[("data", Some("tuesday"))]) };
        let recreated = || Difference::RecreatedVolume { volume: "data".into() };
        assert_eq!(monday.compare(&again), [recreated(), Difference::NoData]);
        assert_eq!(monday.replaced_by(&again), [recreated()]);
        let identified = server(IdentityFile::PostgreSql, "1");
        let nothing = StoreEvidence { has_data: false, ..evidence() };
        assert_eq!(identified.replaced_by(&nothing), [Difference::NoData], "its identifier is gone");
    }

    #[test]
    fn another_identifier_is_another_server() {
        let one = server(IdentityFile::PostgreSql, "1");
        assert_eq!(one.compare(&one), []);
        let other = Difference::OtherServer {
            server: "PostgreSQL system".into(),
            recorded: "1".into(),
            now: "2".into(),
        };
        assert_eq!(one.compare(&server(IdentityFile::PostgreSql, "2")), [other]);
        let gone = Difference::NoServerData { server: "PostgreSQL system 1".into() };
        assert_eq!(one.compare(&evidence()), [gone]);
        assert_eq!(evidence().compare(&one), [], "nothing was known of it");
    }

    #[test]
    fn the_same_identifier_in_another_volume_is_the_same_data() {
        let one = server(IdentityFile::MySql, "1");
        let before = with_volumes(one.clone(), &[("data", Some("monday"))]);
        assert_eq!(before.compare(&with_volumes(one, &[("data", Some("tuesday"))])), []);
    }

    #[test]
    fn a_volume_that_was_created_again_is_another_one() {
        let monday = volumes(&[("data", Some("monday")), ("logs", Some("monday"))]);
        assert_eq!(monday.compare(&monday), []);
        let again = volumes(&[("data", Some("tuesday")), ("logs", Some("monday"))]);
        assert_eq!(monday.compare(&again), [Difference::RecreatedVolume { volume: "data".into() }]);
        assert_eq!(monday.compare(&volumes(&[("data", None), ("logs", None)])), [], "it cannot be told");
    }

    #[test]
    fn other_volumes_are_other_data() {
        let recorded = volumes(&[("a", None), ("b", None)]);
        let other = Difference::OtherVolume { recorded: "a, b".into(), now: "c".into() };
        assert_eq!(recorded.compare(&volumes(&[("c", None)])), [other]);
        assert_eq!(recorded.compare(&volumes(&[("b", None), ("c", None)])), []);
        assert_eq!(recorded.compare(&evidence()), [], "the data is in a directory now, and is there");
    }

    #[test]
    fn another_program_is_told_by_its_volume() {
        let mysql = with_volumes(server(IdentityFile::MySql, "1"), &[("data", Some("monday"))]);
        let mariadb = |created| with_volumes(server(IdentityFile::MariaDb, "2"), &[("data", Some(created))]);
        assert_eq!(mysql.compare(&mariadb("monday")), []);
        assert_eq!(
            mysql.compare(&mariadb("tuesday")),
            [Difference::RecreatedVolume { volume: "data".into() }]
        );
    }

    #[test]
    fn a_later_look_that_sees_the_same_says_nothing_new() {
        let later = StoreEvidence { time: Timestamp::MAX, ..evidence() };
        assert_eq!(evidence().updated_by(&later), None);
        let server = server(IdentityFile::MySql, "1");
        assert_eq!(evidence().updated_by(&server), Some(server));
        let known = volumes(&[("data", Some("monday"))]);
        assert_eq!(known.updated_by(&volumes(&[("data", None)])), None, "it is kept");
        let known_now = volumes(&[("data", Some("monday"))]);
        assert_eq!(volumes(&[("data", None)]).updated_by(&known_now), Some(known_now));
    }
}
