//! Which directories hold data: those that Compose files mount, and those whose name says it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::snippet::UNKNOWN;
use super::source::{Node, read_yaml};

/// The names that Compose looks for, and those that people give to others.
fn is_compose_file(name: &str) -> bool {
    let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
    stem.is_some_and(|stem| stem.starts_with("docker-compose") || stem.starts_with("compose"))
}

/// How far up from a script its Compose file is looked for.
const MOST_PARENTS: usize = 3;

/// A Compose file longer than this is not read.
const LONGEST: u64 = 1 << 20;

/// Where data is kept around a script.
#[derive(Debug, Default)]
pub struct Directories {
    /// Where the script stands.
    beside: PathBuf,
    /// What Compose files mount, absolute or below where we are.
    mounted: BTreeSet<PathBuf>,
    /// The folders of those Compose files.
    projects: Vec<PathBuf>,
}

impl Directories {
    /// Looks at the Compose files in the script's folder and those above it.
    pub fn around(script: &Path) -> Self {
        let beside = script.parent().map(clean).unwrap_or_default();
        let mut found = Self { beside: beside.clone(), ..Self::default() };
        let here = Path::new("");
        let above = beside.ancestors().take(MOST_PARENTS);
        for folder in above {
            let listed = if folder == here { Path::new(".") } else { folder };
            let Ok(entries) = std::fs::read_dir(listed) else { continue };
            for entry in entries.flatten() {
                if entry.file_name().to_str().is_some_and(is_compose_file)
                    && entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST)
                    && let Ok(text) = std::fs::read_to_string(entry.path())
                {
                    found.add(folder, &text);
                }
            }
        }
        found
    }

    /// Takes in what a Compose file in this folder mounts.
    pub fn add(&mut self, folder: &Path, text: &str) {
        let Some(root) = read_yaml(text) else { return };
        self.projects.push(folder.to_owned());
        for (_, service) in root.get("services").into_iter().flat_map(Node::entries) {
            for mount in service.get("volumes").into_iter().flat_map(Node::items) {
                let read_only = mount.get("read_only").and_then(Node::text) == Some("true");
                let long = mount.get("source").filter(|_| !read_only).and_then(Node::text);
                let Some(source) = long.or_else(|| mount.text().and_then(writable_source)) else { continue };
                let relative = source.starts_with("./") || source.starts_with("../");
                if (relative || source.starts_with('/')) && !source.contains('$') {
                    let path = clean(&folder.join(source));
                    // A whole project mounted for its code is no data directory.
                    if path != clean(folder) && !is_code(&path) {
                        self.mounted.insert(path);
                    }
                }
            }
        }
    }

    /// Why deleting this path loses data, as the end of a sentence.
    pub fn holds_data(&self, target: &str, variable: Option<&str>, remote: bool) -> Option<String> {
        if let Some(variable) = variable {
            let known = matches!(variable, "PGDATA" | "MYSQL_DATADIR" | "QDRANT_STORAGE");
            return known.then(|| "where a server keeps its data".to_owned());
        }
        // `dir/*` and `dir/` are all that is in it.
        let path = target.trim_end_matches(['*', '/']);
        let path = if path.is_empty() { target } else { path };
        if named_for_data(path) {
            return Some("where data is kept".to_owned());
        }
        if remote || path.contains(UNKNOWN) || path.is_empty() {
            return None;
        }
        // A script is run from its own folder or from its project's.
        let places = self.projects.iter().chain([&self.beside]);
        let mounted = places.map(|folder| clean(&folder.join(path))).find(|place| {
            // What is above a mount goes with it, unless that is the project itself.
            self.mounted.iter().any(|mount| mount.starts_with(place) || place.starts_with(mount))
                && !self.projects.contains(place)
        });
        mounted.map(|_| "which a Compose file mounts into a service".to_owned())
    }
}

/// The source of a mount in short form, unless it is read-only.
fn writable_source(mount: &str) -> Option<&str> {
    let (source, rest) = mount.split_once(':')?;
    let mode = rest.split_once(':').map_or("", |(_, mode)| mode);
    (!mode.split(',').any(|option| option == "ro")).then_some(source)
}

/// Mounts that are not data: sockets, source code, settings of the system.
fn is_code(path: &Path) -> bool {
    const SYSTEM: [&str; 7] = ["/etc", "/dev", "/proc", "/sys", "/run", "/tmp", "/var/run"];
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    SYSTEM.iter().any(|folder| path.starts_with(folder))
        || matches!(
            name,
            "src" | "app" | "lib" | "dist" | "build" | "target" | "node_modules" | "vendor" | "public" | "static"
                | "tests" | "test" | "scripts" | "config" | "conf" | "logs" | "log" | "tmp" | "cache" | ".cache"
                | "coverage" | "certs" | "migrations"
        )
        // A file is mounted for its contents.
        || path.extension().is_some()
}

/// Whether a path says by itself that data is below it.
fn named_for_data(path: &str) -> bool {
    const ABSOLUTE: [&str; 12] = [
        "/var/lib/docker",
        "/var/lib/postgresql",
        "/var/lib/mysql",
        "/var/lib/mongodb",
        "/var/lib/redis",
        "/var/lib/qdrant",
        "/qdrant/storage",
        "/data/db",
        "/var/lib/elasticsearch",
        "/var/lib/influxdb",
        "/var/lib/grafana",
        "/var/lib/rabbitmq",
    ];
    const STORES: [&str; 16] = [
        "postgres",
        "postgresql",
        "pg",
        "mysql",
        "mariadb",
        "mongo",
        "mongodb",
        "redis",
        "qdrant",
        "elasticsearch",
        "opensearch",
        "neo4j",
        "influxdb",
        "minio",
        "rabbitmq",
        "db",
    ];
    if ABSOLUTE.iter().any(|known| Path::new(path).starts_with(known)) {
        return true;
    }
    let names = path.split('/').filter(|name| !name.is_empty() && *name != ".");
    names.into_iter().any(|name| {
        let lower = name.to_ascii_lowercase();
        let store =
            ["_data", "-data", "data", "_storage", "-storage"].iter().find_map(|end| lower.strip_suffix(end));
        lower == "volumes" || store.is_some_and(|store| STORES.contains(&store))
    })
}

/// A path without `.` and with `..` taken literally.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
