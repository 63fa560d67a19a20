//! Where the program of a service keeps its data.

use super::command_words::CommandWords;
use super::image_version::ImageVersion;
use super::service::LintService;
use crate::inventory::known::KnownProgram;
use crate::lint::yaml::YamlNode;

/// The paths where a program may keep its data; `None` if that depends on something unknown.
pub(super) fn data_paths(
    program: &KnownProgram,
    service: &LintService,
    version: ImageVersion,
) -> Option<Vec<String>> {
    let absolute = |text: &str| {
        let text = text.split(',').next().unwrap_or_default();
        (text.starts_with('/') && !text.contains('$')).then(|| vec![without_trailing_slash(text)])
    };
    if let Some(entry) = program.variable.and_then(|name| service.entry(name)) {
        return entry.value.as_ref().and_then(|value| absolute(value.as_str()));
    }
    let words: Vec<&CommandWords> = service.command.iter().chain(&service.entrypoint).collect();
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
            ImageVersion::Major(major @ 18..) => vec![format!("/var/lib/postgresql/{major}/docker")],
            ImageVersion::Major(_) => vec!["/var/lib/postgresql/data".to_owned()],
            ImageVersion::Newest | ImageVersion::Unknown => all(program.paths),
        }),
        // The config server of a sharded cluster.
        "mongo" if words.iter().any(|words| words.flat().iter().any(|word| word == "--configsvr")) => {
            absolute("/data/configdb")
        }
        "solr" => match version {
            ImageVersion::Major(..8) => absolute("/opt/solr/server/solr"),
            ImageVersion::Major(_) => absolute("/var/solr"),
            ImageVersion::Newest | ImageVersion::Unknown => Some(all(program.paths)),
        },
        "etcd" if program.variable.is_some() => etcd_paths(service, &words),
        "couchdb" if program.volume => match version {
            ImageVersion::Major(..2) => absolute("/usr/local/var/lib/couchdb"),
            ImageVersion::Major(_) => absolute("/opt/couchdb/data"),
            ImageVersion::Newest | ImageVersion::Unknown => Some(all(program.paths)),
        },
        "influxdb" => Some(match version {
            ImageVersion::Major(1) => vec!["/var/lib/influxdb".to_owned()],
            ImageVersion::Major(2) => vec!["/var/lib/influxdb2".to_owned()],
            ImageVersion::Major(_) | ImageVersion::Newest | ImageVersion::Unknown => all(program.paths),
        }),
        _ => Some(all(program.paths)),
    }
}

fn all(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn without_trailing_slash(path: &str) -> String {
    let short = path.trim_end_matches('/');
    if short.is_empty() { "/".to_owned() } else { short.to_owned() }
}

fn parent(path: &str) -> String {
    path.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent }).to_owned()
}

/// Without a setting, etcd makes `NAME.etcd` in its working directory.
fn etcd_paths(service: &LintService, words: &[&CommandWords]) -> Option<Vec<String>> {
    let flag =
        |names: [&str; 2]| names.iter().find_map(|name| words.iter().find_map(|words| words.value(name)));
    // With a configuration file, etcd ignores every other setting.
    if flag(["--config-file", "-config-file"]).is_some() || service.entry("ETCD_CONFIG_FILE").is_some() {
        return None;
    }
    let variable = service.variable("ETCD_NAME").map(|name| name.as_str().to_owned());
    let name = flag(["--name", "-name"]).or(variable).unwrap_or_else(|| "default".to_owned());
    let directories = match service.node.get("working_dir").and_then(YamlNode::as_str) {
        Some(directory) => vec![without_trailing_slash(directory)],
        None => vec!["/var/lib/etcd".to_owned(), String::new()],
    };
    let paths: Vec<String> = directories
        .iter()
        .map(|directory| format!("{}/{name}.etcd", directory.trim_end_matches('/')))
        .collect();
    paths.iter().all(|path| path.starts_with('/') && !path.contains('$')).then_some(paths)
}

/// The first operand after a word, skipping flags.
fn operand(words: &[&CommandWords], after: &str) -> Option<String> {
    words.iter().find_map(|words| {
        let flat = words.flat();
        let at = flat.iter().position(|word| word == after)?;
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

/// The `VOLUME`s of the image. Each becomes an anonymous volume unless something is mounted at exactly that path.
pub(super) fn image_volumes(program: &KnownProgram, version: ImageVersion) -> Vec<String> {
    match (program.name(), version) {
        _ if !program.volume => Vec::new(),
        ("postgres", ImageVersion::Major(18..)) => vec!["/var/lib/postgresql".to_owned()],
        ("postgres", ImageVersion::Major(_)) => vec!["/var/lib/postgresql/data".to_owned()],
        ("postgres" | "influxdb", ImageVersion::Newest | ImageVersion::Unknown) => Vec::new(),
        _ => all(program.paths),
    }
}
