//! What a service keeps, where, and what is mounted there.

use std::path::Path;

use super::mount::{Mount, Source};
use super::read::Project;
use super::service::Service;
use super::words::Words;
use crate::compose::image::Reference;
use crate::inventory::known::{self, KnownProgram};
use crate::lint::source::Text;

/// The data of one service.
#[derive(Debug)]
pub struct Store {
    pub program: &'static KnownProgram,
    /// Where the program writes, the usual place first: one of them is used.
    pub paths: Vec<String>,
    pub cover: Cover,
    /// Image, command and place are known, not guessed.
    pub sure: bool,
    pub version: Version,
}

/// What lies on the data path; mounts by their index in the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// A mount at it, or above it where that is enough.
    Mounted(usize),
    /// A mount above it, which the image's own `VOLUME` hides.
    Shadowed(usize),
    /// A mount below it: a part of the data.
    Below(usize),
    /// Nothing, but a mount nearby that looks as if it was meant.
    Near(usize),
    Nothing,
    /// The path cannot be told from the file.
    Unknown,
}

/// The version that a tag tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Major(u32),
    /// No tag, or `latest`.
    Newest,
    /// A tag without a number, or one that a variable decides.
    Unknown,
}

impl Store {
    pub(super) fn find(project: &Project, service: &Service) -> Option<Self> {
        let image = service.image.as_ref()?;
        if is_disposable(project, "services", service.name.as_str()) {
            return None;
        }
        // What is never started loses nothing.
        if service.replicas.is_some_and(|(count, _)| count == 0) {
            return None;
        }
        let program = known::program(image.as_str())?;
        let server = serves(program, service);
        if server == Some(false) || keeps_nothing(program, service) {
            return None;
        }
        let version = Version::of(image);
        let paths = paths(program, service, version);
        let cover = match &paths {
            Some(paths) => cover(&service.mounts, paths, &image_volumes(program, version)),
            None => Cover::Unknown,
        };
        // A script as entry point may run anything; with the data at hand it may be the server.
        if server.is_none() && !program.servers.is_empty() && !matches!(cover, Cover::Mounted(_)) {
            return None;
        }
        if let Cover::Mounted(at) = cover
            && let Source::Named(key) = &service.mounts[at].source
            && is_disposable(project, "volumes", key.as_str())
        {
            return None;
        }
        let sure = server == Some(true) && !service.built && image.is_sure() && !has_configuration(service);
        Some(Self { program, paths: paths.unwrap_or_default(), cover, sure, version })
    }

    /// The mount that holds its data.
    pub fn mount<'a>(&self, service: &'a Service) -> Option<&'a Mount> {
        match self.cover {
            Cover::Mounted(at) => service.mounts.get(at),
            Cover::Shadowed(_) | Cover::Below(_) | Cover::Near(_) | Cover::Nothing | Cover::Unknown => None,
        }
    }

    /// Where to mount.
    pub fn path(&self) -> &str {
        match self.version {
            Version::Major(18..) if self.paths.first().is_some_and(|path| path.ends_with("/docker")) => {
                "/var/lib/postgresql"
            }
            Version::Major(_) | Version::Newest | Version::Unknown => {
                self.paths.first().map_or("", String::as_str)
            }
        }
    }
}

impl Version {
    fn of(image: &Text) -> Self {
        let reference = Reference::parse(image.as_str());
        match reference.tag {
            None if reference.digest.is_some() => Self::Unknown,
            None | Some("latest") => Self::Newest,
            Some(tag) => major(tag).map_or(Self::Unknown, Self::Major),
        }
    }
}

/// The major version in a tag: that of PostgreSQL behind `pg`, else the number that it begins with.
fn major(tag: &str) -> Option<u32> {
    let behind = tag.rsplit_once("pg").map(|(_, behind)| behind);
    let number = |text: &str| {
        let text = text.trim_start_matches('v');
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        text[..digits].parse::<u32>().ok().filter(|number| *number < 1000)
    };
    behind.and_then(number).or_else(|| number(tag))
}

fn is_disposable(project: &Project, section: &str, name: &str) -> bool {
    project
        .root
        .get("x-safe-compose")
        .and_then(|settings| settings.get(section)?.get(name)?.get("disposable")?.as_text())
        .and_then(Text::as_bool)
        .unwrap_or(false)
}

/// Whether the container runs the server; `None` when its entry point or command may be anything.
fn serves(program: &KnownProgram, service: &Service) -> Option<bool> {
    let is_server = |words: &Words| {
        words.flat().iter().any(|word| {
            program.servers.contains(&word.as_str())
                || word.rsplit('/').next().is_some_and(|name| program.servers.contains(&name))
        })
    };
    if let Some(entrypoint) = &service.entrypoint {
        let served = is_server(entrypoint) || service.command.as_ref().is_some_and(is_server);
        return served.then_some(true);
    }
    let Some(command) = &service.command else { return Some(true) };
    let first = command.words.first().map_or("", String::as_str);
    if first.starts_with('-')
        || Path::new(first).extension().is_some_and(|end| end == "conf")
        || is_server(command)
    {
        return Some(true);
    }
    if program.servers.is_empty() { None } else { Some(false) }
}

/// Ways to run a program in which it keeps nothing.
fn keeps_nothing(program: &KnownProgram, service: &Service) -> bool {
    let words = service.command.iter().chain(&service.entrypoint).flat_map(Words::flat).collect::<Vec<_>>();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    match program.name() {
        // Without words the official image runs a development agent, and Bitnami's a server.
        "consul" if program.volume => {
            words.is_empty() || has(&["-dev"]) || !has(&["-server", "-bootstrap", "-bootstrap-expect"])
        }
        "vault" => words.is_empty() || has(&["-dev"]),
        "nats" => !has(&["-js", "--jetstream", "-jetstream", "-sd", "--store_dir"]),
        "redis" | "valkey" => has(&["--sentinel", "redis-sentinel", "valkey-sentinel"]),
        "surrealdb" => has(&["memory"]),
        // Its gateways keep nothing.
        "seaweedfs" => !words.is_empty() && !has(&["server", "master", "volume", "filer"]),
        _ => false,
    }
}

/// It brings a configuration of its own, which may say another path.
fn has_configuration(service: &Service) -> bool {
    service.node.get("configs").is_some()
        || service.mounts.iter().any(|mount| {
            let name = mount.path().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
            [".conf", ".cnf", ".yml", ".yaml", ".toml", ".xml", ".ini"].iter().any(|end| name.ends_with(end))
        })
}

/// Where the program writes; `None` when that depends on what is not known.
fn paths(program: &KnownProgram, service: &Service, version: Version) -> Option<Vec<String>> {
    let absolute = |text: &str| {
        let text = text.split(',').next().unwrap_or_default();
        (text.starts_with('/') && !text.contains('$')).then(|| vec![tidy(text)])
    };
    if let Some(entry) = program.variable.and_then(|name| service.entry(name)) {
        return entry.value.as_ref().and_then(|value| absolute(value.as_str()));
    }
    let words: Vec<&Words> = service.command.iter().chain(&service.entrypoint).collect();
    for flag in program.flags {
        if let Some(value) = words.iter().find_map(|words| words.value(flag)) {
            return absolute(&value);
        }
    }
    match program.name() {
        "minio" => operand(&words, "server").map_or_else(|| Some(all(program.paths)), |path| absolute(&path)),
        "surrealdb" => {
            let word = words.iter().flat_map(|words| words.flat()).find(|word| word.contains(":/"))?;
            let path = word.split_once(':')?.1.trim_start_matches("//");
            absolute(path).map(|paths| paths.iter().map(|path| parent(path)).collect())
        }
        "postgres" if program.volume => Some(match version {
            Version::Major(major @ 18..) => vec![format!("/var/lib/postgresql/{major}/docker")],
            Version::Major(_) => vec!["/var/lib/postgresql/data".to_owned()],
            Version::Newest | Version::Unknown => all(program.paths),
        }),
        // A configuration server of a sharded cluster.
        "mongo" if words.iter().any(|words| words.flat().iter().any(|word| word == "--configsvr")) => {
            absolute("/data/configdb")
        }
        "solr" => match version {
            Version::Major(..8) => absolute("/opt/solr/server/solr"),
            Version::Major(_) => absolute("/var/solr"),
            Version::Newest | Version::Unknown => Some(all(program.paths)),
        },
        "couchdb" if program.volume => match version {
            Version::Major(..2) => absolute("/usr/local/var/lib/couchdb"),
            Version::Major(_) => absolute("/opt/couchdb/data"),
            Version::Newest | Version::Unknown => Some(all(program.paths)),
        },
        "influxdb" => Some(match version {
            Version::Major(1) => vec!["/var/lib/influxdb".to_owned()],
            Version::Major(2) => vec!["/var/lib/influxdb2".to_owned()],
            Version::Major(_) | Version::Newest | Version::Unknown => all(program.paths),
        }),
        _ => Some(all(program.paths)),
    }
}

fn all(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn tidy(path: &str) -> String {
    let short = path.trim_end_matches('/');
    if short.is_empty() { "/".to_owned() } else { short.to_owned() }
}

fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent }).to_owned()
}

/// The first word behind another that is no flag.
fn operand(words: &[&Words], behind: &str) -> Option<String> {
    words.iter().find_map(|words| {
        let flat = words.flat();
        let at = flat.iter().position(|word| word == behind)?;
        let mut rest = flat[at + 1..].iter();
        while let Some(word) = rest.next() {
            if word.starts_with("--") && !word.contains('=') {
                rest.next();
            } else if !word.starts_with('-') {
                return Some(word.clone());
            }
        }
        None
    })
}

/// The `VOLUME`s of the image: an anonymous volume lies there unless something is mounted exactly there.
fn image_volumes(program: &KnownProgram, version: Version) -> Vec<String> {
    match (program.name(), version) {
        _ if !program.volume => Vec::new(),
        ("postgres", Version::Major(18..)) => vec!["/var/lib/postgresql".to_owned()],
        ("postgres", Version::Major(_)) => vec!["/var/lib/postgresql/data".to_owned()],
        ("postgres" | "influxdb", Version::Newest | Version::Unknown) => Vec::new(),
        _ => all(program.paths),
    }
}

/// Whether a path is another or below it.
fn within(path: &str, above: &str) -> bool {
    above == "/" || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn cover(mounts: &[Mount], paths: &[String], volumes: &[String]) -> Cover {
    let mut best = Cover::Nothing;
    for (at, mount) in mounts.iter().enumerate() {
        if matches!(mount.source, Source::Other) {
            continue;
        }
        let Some(target) = mount.path() else { return Cover::Unknown };
        let found =
            paths.iter().map(|path| of_path(at, target, path, volumes)).max_by_key(|cover| rank(*cover));
        if let Some(found) = found
            && rank(found) > rank(best)
        {
            best = found;
        }
    }
    if best != Cover::Nothing {
        return best;
    }
    let near = mounts.iter().position(|mount| paths.iter().any(|path| is_near(mount, path)));
    near.map_or(Cover::Nothing, Cover::Near)
}

fn rank(cover: Cover) -> u8 {
    match cover {
        Cover::Mounted(_) => 4,
        Cover::Shadowed(_) => 3,
        Cover::Below(_) => 2,
        Cover::Near(_) => 1,
        Cover::Nothing | Cover::Unknown => 0,
    }
}

fn of_path(at: usize, target: &str, path: &str, volumes: &[String]) -> Cover {
    if within(path, target) {
        let hidden =
            volumes.iter().any(|volume| volume != target && within(volume, target) && within(path, volume));
        if hidden { Cover::Shadowed(at) } else { Cover::Mounted(at) }
    } else if within(target, path) {
        Cover::Below(at)
    } else {
        Cover::Nothing
    }
}

/// Places that images have for other things than data.
const ASIDE: &[&str] = &[
    "/etc",
    "/run",
    "/tmp",
    "/dev",
    "/var/run",
    "/var/log",
    "/logs",
    "/log",
    "/docker-entrypoint",
    "/opt/bitnami",
    "/usr/local",
    "/certs",
    "/ssl",
    "/scripts",
    "/plugins",
    "/import",
    "/backup",
    "/root",
    "/home",
    "/init",
    "/conf",
    "/qdrant/snapshots",
    "/snapshots",
    "/var/lib/mysql-files",
    "/usr/share/elasticsearch/config",
    "/dumps",
    "/dump",
    "/usr/share/opensearch/config",
    "/proc",
    "/sys",
    "/entrypoint",
    "/usr/share/elasticsearch/plugins",
];

/// A mount of a directory that looks as if it was meant for the data.
fn is_near(mount: &Mount, path: &str) -> bool {
    let Some(target) = mount.path() else { return false };
    let name = target.rsplit('/').next().unwrap_or_default();
    if mount.read_only || name.contains('.') || ASIDE.iter().any(|aside| target.starts_with(aside)) {
        return false;
    }
    let shared =
        target.split('/').zip(path.split('/')).skip(1).take_while(|(one, other)| one == other).count();
    let words = ["data", "storage", "db", "lib"];
    shared > 0 || words.iter().any(|word| target.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majors_are_read_out_of_tags() {
        for (tag, expected) in [
            ("17-alpine", Some(17)),
            ("v1.19.0", Some(1)),
            ("latest-pg16", Some(16)),
            ("pg18", Some(18)),
            ("0.8.1-pg17", Some(17)),
            ("alpine", None),
            ("RELEASE.2024-01-01", None),
        ] {
            assert_eq!(major(tag), expected, "{tag}");
        }
    }
}
