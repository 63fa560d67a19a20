//! Which directories hold data: those that Compose files mount, and those that are named for it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::extract::read_yaml;
use super::mapped_text::UNKNOWN;
use crate::lint::project::{LintMount, LintMountSource};
use crate::lint::yaml::YamlNode;

/// The names that Compose looks for, and their usual variants.
fn is_compose_file(name: &str) -> bool {
    let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
    stem.is_some_and(|stem| stem.starts_with("docker-compose") || stem.starts_with("compose"))
}

/// How many directories are searched for Compose files, from that of the script upwards.
const MAX_PARENTS: usize = 3;

/// The longest Compose file that is read.
const MAX_LENGTH: u64 = 1 << 20;

/// Where data is kept, according to the Compose files near a script.
#[derive(Debug, Default)]
pub struct DataDirectories {
    /// The directory of the script.
    script_directory: PathBuf,
    /// The bind mounts of the Compose files, absolute or relative to the current directory.
    mounted: BTreeSet<PathBuf>,
    /// The directories of the Compose files.
    projects: Vec<PathBuf>,
}

impl DataDirectories {
    /// Reads the Compose files in the directory of the script and those above it.
    pub fn around(script: &Path) -> Self {
        let script_directory = script.parent().map(clean).unwrap_or_default();
        let mut found = Self { script_directory: script_directory.clone(), ..Self::default() };
        let here = Path::new("");
        let above = script_directory.ancestors().take(MAX_PARENTS);
        for folder in above {
            let listed = if folder == here { Path::new(".") } else { folder };
            let Ok(entries) = std::fs::read_dir(listed) else { continue };
            for entry in entries.flatten() {
                if entry.file_name().to_str().is_some_and(is_compose_file)
                    && entry.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_LENGTH)
                    && let Ok(text) = std::fs::read_to_string(entry.path())
                {
                    found.add(folder, &text);
                }
            }
        }
        found
    }

    /// Adds the bind mounts of a Compose file in this directory.
    pub fn add(&mut self, folder: &Path, text: &str) {
        let Some(root) = read_yaml(text) else { return };
        self.projects.push(folder.to_owned());
        let services = root.get("services").map(YamlNode::entries).unwrap_or_default();
        let volumes = services.iter().filter_map(|service| service.value.get("volumes"));
        for mount in volumes.flat_map(YamlNode::items).filter_map(LintMount::read) {
            let LintMountSource::Bind(source) = &mount.source else { continue };
            let source = source.as_str();
            let is_path = ["./", "../", "/"].iter().any(|start| source.starts_with(start));
            if mount.read_only || !is_path || source.contains('$') {
                continue;
            }
            let path = clean(&folder.join(source));
            // A project directory that is mounted for its code is not a data directory.
            if path != clean(folder) && !is_code(&path) {
                self.mounted.insert(path);
            }
        }
    }

    /// Why deleting this path loses data, as the end of a sentence.
    pub fn holds_data(&self, target: &str, variable: Option<&str>, remote: bool) -> Option<String> {
        if let Some(variable) = variable {
            let known = matches!(variable, "PGDATA" | "MYSQL_DATADIR" | "QDRANT_STORAGE");
            return known.then(|| "where a server keeps its data".to_owned());
        }
        // `dir/*` and `dir/` mean everything in it.
        let path = target.trim_end_matches(['*', '/']);
        let path = if path.is_empty() { target } else { path };
        if named_for_data(path) {
            return Some("which holds data".to_owned());
        }
        if remote || path.contains(UNKNOWN) || path.is_empty() {
            return None;
        }
        // A script runs from its own directory or from that of its project.
        let directories = self.projects.iter().chain([&self.script_directory]);
        let mounted = directories.map(|directory| clean(&directory.join(path))).find(|path| {
            // Deleting a directory above a mount deletes the mount too. The project directory is left out.
            self.mounted.iter().any(|mount| mount.starts_with(path) || holds(mount, path))
                && !self.projects.contains(path)
        });
        mounted.map(|_| "which a Compose file mounts into a service".to_owned())
    }
}

/// Whether a path is a mount, or something in it that a build does not make: a mounted folder of source code has more
/// below it than sources.
fn holds(mount: &Path, path: &Path) -> bool {
    path.strip_prefix(mount)
        .is_ok_and(|inside| inside.iter().filter_map(|name| name.to_str()).all(|name| !BUILT.contains(&name)))
}

/// The names of directories that a build makes again.
const BUILT: [&str; 16] = [
    "node_modules",
    "bower_components",
    "dist",
    "build",
    "target",
    "out",
    "coverage",
    "vendor",
    "__pycache__",
    ".cache",
    ".next",
    ".nuxt",
    ".turbo",
    ".venv",
    ".pytest_cache",
    ".mypy_cache",
];

/// Whether a mount is something other than data: a socket, source code, a system setting.
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
        // A single file is mounted for its contents, such as a configuration.
        || path.extension().is_some()
}

/// Whether the name of a path says that it holds data.
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

/// A path without `.` and `..`.
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
