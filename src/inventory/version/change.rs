//! Whether a server opens the data of another version, according to the documentation of each program.

use super::{ServerProgram, ServerVersion};

/// What a server does with data that another version has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionChange {
    /// It opens it as it is, or nothing is known.
    None,
    /// It converts the data at its start. The former version may not open it any more.
    Converts,
    /// It does not start, or damages the data, for this reason: a sentence without its end.
    Impossible(String),
}

/// What a server does with data. Nothing is claimed where a number that decides is not known.
pub fn change(data: &ServerVersion, server: &ServerVersion) -> VersionChange {
    if data.program != server.program {
        return of_another_program(data, server);
    }
    match data.program {
        ServerProgram::PostgreSql if data.major() == server.major() => VersionChange::None,
        ServerProgram::PostgreSql => {
            VersionChange::Impossible("PostgreSQL opens only data of its own major version".to_owned())
        }
        ServerProgram::MariaDb => upwards(data, server, 2),
        ServerProgram::MySql => mysql(data, server),
        ServerProgram::MongoDb => mongodb(data, server),
        ServerProgram::Redis | ServerProgram::Valkey => redis(data, server),
        ServerProgram::Qdrant => qdrant(data, server),
    }
}

fn of_another_program(data: &ServerVersion, server: &ServerVersion) -> VersionChange {
    use ServerProgram as P;
    match (data.program, server.program) {
        // MariaDB opens data of MySQL up to 5.7, and nothing newer; MySQL opens none of MariaDB.
        (P::MySql, P::MariaDb) if data.major() < 8 => VersionChange::Converts,
        (P::MySql, P::MariaDb) | (P::MariaDb, P::MySql) => VersionChange::Impossible(format!(
            "{} does not open data of {}",
            server.program.name(),
            data.program.name()
        )),
        // Valkey descends from Redis 7.2, and later versions of Redis write snapshots that it does not read.
        (P::Redis, P::Valkey) if (data.major(), data.minor()) <= (7, Some(2)) => VersionChange::None,
        (P::Redis, P::Valkey) => {
            VersionChange::Impossible("Valkey does not read snapshots of Redis 7.4 and newer".to_owned())
        }
        (_, _) => VersionChange::None,
    }
}

/// A server that converts the data of any older version, and opens none of a newer one. `numbers` of the version count.
fn upwards(data: &ServerVersion, server: &ServerVersion, numbers: usize) -> VersionChange {
    let (Some(then), Some(now)) = (data.numbers.get(..numbers), server.numbers.get(..numbers)) else {
        // Only major versions are known.
        return if numbers > 1 && data.major() != server.major() {
            upwards(data, server, 1)
        } else {
            VersionChange::None
        };
    };
    match now.cmp(then) {
        std::cmp::Ordering::Equal => VersionChange::None,
        std::cmp::Ordering::Greater => VersionChange::Converts,
        std::cmp::Ordering::Less => no_way_back(data),
    }
}

fn no_way_back(data: &ServerVersion) -> VersionChange {
    VersionChange::Impossible(format!("{} does not open data of a newer version", data.program.name()))
}

/// Between LTS versions, and within the innovation versions that follow one, up to the next LTS version.
fn mysql(data: &ServerVersion, server: &ServerVersion) -> VersionChange {
    let (Some(then), Some(now)) = (data.minor(), server.minor()) else {
        return if server.major() < data.major() { no_way_back(data) } else { VersionChange::None };
    };
    let (from, to) = ((data.major(), then), (server.major(), now));
    let skips = |over: &str| {
        VersionChange::Impossible(format!("MySQL has to run once with version {over} in between"))
    };
    match (from, to) {
        _ if from == to => match (data.numbers.get(2), server.numbers.get(2)) {
            // Version 8.0 has new features in patches.
            (Some(then), Some(now)) if from == (8, 0) && now < then => no_way_back(data),
            _ => VersionChange::None,
        },
        _ if to < from => no_way_back(data),
        ((..=4, _) | (5, ..7), (8.., _)) => skips("5.7"),
        ((5, _), (8, 1..) | (9.., _)) => skips("8.0"),
        ((8, 0..4), (9.., _)) => skips("8.4"),
        _ => VersionChange::Converts,
    }
}

/// From one major version to the next: `4.4`, `5.0`, `6.0`. The files say nothing of the compatibility version, with which
/// an older server may be possible.
fn mongodb(data: &ServerVersion, server: &ServerVersion) -> VersionChange {
    if data.major() < 5 || server.major() < 5 {
        let is_same = data.major() == server.major();
        return if is_same { VersionChange::None } else { VersionChange::Converts };
    }
    match server.major().cmp(&data.major()) {
        std::cmp::Ordering::Equal => VersionChange::None,
        std::cmp::Ordering::Greater if server.major() > data.major() + 1 => {
            VersionChange::Impossible("MongoDB opens only data of the major version before it".to_owned())
        }
        std::cmp::Ordering::Greater | std::cmp::Ordering::Less => VersionChange::Converts,
    }
}

/// The format of the snapshots grows with these versions: a server does not start with one of a newer format. It reads all
/// older ones, and what it writes is complete.
fn redis(data: &ServerVersion, server: &ServerVersion) -> VersionChange {
    let (Some(then), Some(now)) = (data.minor(), server.minor()) else { return VersionChange::None };
    let format = |major: u32, minor: u32| {
        if data.program == ServerProgram::Valkey {
            return if major >= 9 { 80 } else { 11 };
        }
        match (major, minor) {
            (..3, _) | (3, ..2) => 6,
            (3, _) => 7,
            (4, _) => 8,
            (5 | 6, _) => 9,
            (7, ..2) => 10,
            (7, 2 | 3) => 11,
            (_, _) => 12,
        }
    };
    if format(server.major(), now) < format(data.major(), then) {
        no_way_back(data)
    } else {
        VersionChange::None
    }
}

/// Qdrant keeps its storage readable for one minor version at a time and never downwards
/// (<https://qdrant.tech/documentation/upgrades/>).
fn qdrant(data: &ServerVersion, server: &ServerVersion) -> VersionChange {
    let (Some(then), Some(now)) = (data.minor(), server.minor()) else { return VersionChange::None };
    let (from, to) = ((data.major(), then), (server.major(), now));
    if from == to {
        VersionChange::None
    } else if to < from {
        no_way_back(data)
    } else if server.major() == data.major() && now == then + 1 {
        VersionChange::Converts
    } else {
        VersionChange::Impossible("Qdrant opens only data of the minor version before it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: ServerProgram, from: &str, to: &str) -> VersionChange {
        let version = |text: &str| ServerVersion::parse(program, text).expect("a version");
        change(&version(from), &version(to))
    }

    fn is_impossible(change: &VersionChange) -> bool {
        matches!(change, VersionChange::Impossible(_))
    }

    #[test]
    fn the_rules_of_each_program() {
        use ServerProgram as P;
        for (program, none, converts, impossible) in [
            (P::PostgreSql, &[("15", "15.4"), ("17", "17")][..], &[][..], &[("15", "17"), ("17", "16")][..]),
            (
                P::MariaDb,
                &[("10.11.6", "10.11.4"), ("10.11.18", "10.11")],
                &[("10.6.1", "10.11.2"), ("10.11", "11.4"), ("10", "11.4")],
                &[("10.11.2", "10.6.20"), ("11.4", "10")],
            ),
            (
                P::MySql,
                &[("8.0.36", "8.0.40"), ("8.4.3", "8.4.1"), ("8.0.36", "8.0")],
                &[
                    ("5.7.44", "8.0.36"),
                    ("8.0.36", "8.4.2"),
                    ("8.4.2", "9.1.0"),
                    ("8.0.30", "8.3.0"),
                    ("9.0", "9.7"),
                ],
                &[
                    ("8.0.40", "8.0.36"),
                    ("8.4.2", "8.0.40"),
                    ("5.7.44", "8.4.0"),
                    ("5.6", "8.0"),
                    ("8.0.36", "9.0.0"),
                ],
            ),
            (
                P::MongoDb,
                &[("7.0.1", "7.0.12")],
                &[("6.0", "7.0"), ("7.0", "6.0"), ("4.4", "5.0")],
                &[("6.0", "8.0")],
            ),
            (
                P::Redis,
                &[("7.2.4", "7.2.1"), ("6.2", "6.0"), ("6.2", "7.2"), ("7.4", "8.0")],
                &[],
                &[("7.2", "7.0"), ("8.0", "7.2"), ("7.0", "6.2")],
            ),
            (
                P::Qdrant,
                &[("1.19.0", "1.19.4"), ("1.19.4", "1.19.0"), ("1.19", "1")],
                &[("1.18.2", "1.19.0")],
                &[("1.17.0", "1.19.0"), ("1.19.0", "1.18.2"), ("1.19.0", "2.0.0")],
            ),
        ] {
            for (from, to) in none {
                assert_eq!(of(program, from, to), VersionChange::None, "{program:?} {from} {to}");
            }
            for (from, to) in converts {
                assert_eq!(of(program, from, to), VersionChange::Converts, "{program:?} {from} {to}");
            }
            for (from, to) in impossible {
                assert!(is_impossible(&of(program, from, to)), "{program:?} {from} {to}");
            }
        }
    }

    #[test]
    fn another_program_opens_the_data_only_where_it_descends_from_the_first() {
        use ServerProgram as P;
        let version = |program, text: &str| ServerVersion::parse(program, text).expect("a version");
        let between = |from: (P, &str), to: (P, &str)| change(&version(from.0, from.1), &version(to.0, to.1));
        assert_eq!(between((P::MySql, "5.7"), (P::MariaDb, "10.11")), VersionChange::Converts);
        assert!(is_impossible(&between((P::MySql, "8.0"), (P::MariaDb, "11.4"))));
        assert!(is_impossible(&between((P::MariaDb, "10.11"), (P::MySql, "8.4"))));
        assert_eq!(between((P::Redis, "7.2.4"), (P::Valkey, "8.0")), VersionChange::None);
        assert!(is_impossible(&between((P::Redis, "7.4.0"), (P::Valkey, "8.0"))));
        assert_eq!(between((P::Valkey, "8.0"), (P::Redis, "8.0")), VersionChange::None);
    }
}
