//! The data of a service: which program keeps it, where, and what is mounted there.

use std::path::Path;

use super::command_words::CommandWords;
use super::coverage::{MountCoverage, coverage, within};
use super::data_path::{data_paths, image_volumes};
use super::image_version::ImageVersion;
use super::mount::{LintMount, LintMountSource};
use super::service::LintService;
use crate::inventory::known::{self, KnownProgram};
use crate::lint::yaml::{YamlNode, YamlScalar};

/// The data of one service.
#[derive(Debug)]
pub(crate) struct LintStore {
    pub program: &'static KnownProgram,
    /// The paths where the program may keep it, the usual one first. One of them is used.
    pub paths: Vec<String>,
    pub coverage: MountCoverage,
    /// Image, command and path are known, not guessed.
    pub certain: bool,
    pub version: ImageVersion,
}

impl LintStore {
    pub(super) fn find(root: &YamlNode, service: &LintService) -> Option<Self> {
        let image = service.image.as_ref()?;
        if is_disposable(root, "services", service.name.as_str()) {
            return None;
        }
        // A service that never starts loses nothing.
        if service.replicas.is_some_and(|(count, _)| count == 0) {
            return None;
        }
        let program = known::program(image.as_str())?;
        let server = serves(program, service);
        if server == Some(false) || keeps_nothing(program, service) {
            return None;
        }
        let version = ImageVersion::of(image);
        let paths = data_paths(program, service, version);
        let coverage = match &paths {
            Some(paths) => coverage(&service.mounts, paths, &image_volumes(program, version)),
            None => MountCoverage::Unknown,
        };
        let coverage = match coverage {
            MountCoverage::Nothing | MountCoverage::Near(_) | MountCoverage::Below(_)
                if service.unknown_mounts =>
            {
                MountCoverage::Unknown
            }
            coverage => coverage,
        };
        // A script as entry point may run anything. If the data is mounted, it may be the server.
        if server.is_none() && !program.servers.is_empty() && !matches!(coverage, MountCoverage::Mounted(_)) {
            return None;
        }
        if let MountCoverage::Mounted(at) = coverage
            && let LintMountSource::Named(key) = &service.mounts[at].source
            && is_disposable(root, "volumes", key.as_str())
        {
            return None;
        }
        let certain =
            server == Some(true) && !service.built && image.is_known() && !has_configuration(service);
        Some(Self { program, paths: paths.unwrap_or_default(), coverage, certain, version })
    }

    /// The mount that holds the data.
    pub(crate) fn mount<'a>(&self, service: &'a LintService) -> Option<&'a LintMount> {
        match self.coverage {
            MountCoverage::Mounted(at) => service.mounts.get(at),
            MountCoverage::Shadowed(_)
            | MountCoverage::Below(_)
            | MountCoverage::Near(_)
            | MountCoverage::Nothing
            | MountCoverage::Unknown => None,
        }
    }

    /// Whether several directories below the data path are mounted, which together may hold all of the data.
    pub(crate) fn has_parts_mounted(&self, service: &LintService) -> bool {
        let is_part = |mount: &&LintMount| {
            let below = |path: &String| mount.path().is_some_and(|target| within(target, path));
            !matches!(mount.source, LintMountSource::Other) && self.paths.iter().any(below)
        };
        service.mounts.iter().filter(is_part).count() > 1
    }

    /// Where a volume should be mounted.
    pub(crate) fn path(&self) -> &str {
        match self.version {
            ImageVersion::Major(18..) if self.paths.first().is_some_and(|path| path.ends_with("/docker")) => {
                "/var/lib/postgresql"
            }
            ImageVersion::Major(_) | ImageVersion::Newest | ImageVersion::Unknown => {
                self.paths.first().map_or("", String::as_str)
            }
        }
    }
}

fn is_disposable(root: &YamlNode, section: &str, name: &str) -> bool {
    root.get("x-safe-compose")
        .and_then(|settings| settings.get(section)?.get(name)?.get("disposable")?.as_scalar())
        .and_then(YamlScalar::as_bool)
        .unwrap_or(false)
}

/// Whether the container runs the server; `None` if its entry point or command may be anything.
fn serves(program: &KnownProgram, service: &LintService) -> Option<bool> {
    let is_server = |words: &CommandWords| {
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

/// Whether a program is run in a way in which it keeps nothing.
fn keeps_nothing(program: &KnownProgram, service: &LintService) -> bool {
    let words =
        service.command.iter().chain(&service.entrypoint).flat_map(CommandWords::flat).collect::<Vec<_>>();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    match program.name() {
        // Without a command the official image runs a development agent, and Bitnami's a server.
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

/// Whether it has a configuration of its own, which may set another path.
fn has_configuration(service: &LintService) -> bool {
    service.node.get("configs").is_some()
        || service.mounts.iter().any(|mount| {
            let name = mount.path().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
            [".conf", ".cnf", ".yml", ".yaml", ".toml", ".xml", ".ini"].iter().any(|end| name.ends_with(end))
        })
}
