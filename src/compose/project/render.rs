//! Converts the output of `config` to a [`Model`]: V2's JSON, or V1's YAML with its short mount syntax.
//!
//! Unknown keys are ignored: Compose has validated the file already. V2 doubles every `$` in its output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::compose::grammar::Grammar;
use crate::compose::model::{
    DeclaredSource, Model, MountDeclaration, Service, Unresolved, VolumeDeclaration, WatchAction, WatchRule,
};
use crate::secret::Secret;
use crate::tool_labels::is_tool_label;

/// The model in a printed configuration. `project` is the project's name if the output does not contain it.
pub(super) fn model(config: &Value, grammar: Grammar, project: &str) -> Model {
    let config = undouble(config);
    let name = text(&config, "name");
    let project = name.as_deref().unwrap_or(project);
    let mut services: BTreeMap<String, Service> =
        entries(&config, "services").map(|(name, value)| (name.clone(), service(name, value))).collect();
    share_mounts(&config, &mut services);
    let volumes = entries(&config, "volumes")
        .map(|(key, value)| (key.clone(), volume(key, value, grammar, project)))
        .collect();
    Model {
        name: Some(project.to_owned()).filter(|name| !name.is_empty()),
        services,
        volumes,
        settings: config.get("x-safe-compose").cloned(),
    }
}

fn service(name: &str, value: &Value) -> Service {
    let tmpfs = strings(value.get("tmpfs")).into_iter().map(|mount| MountDeclaration {
        source: DeclaredSource::Tmpfs,
        target: PathBuf::from(mount.split(':').next().unwrap_or_default()),
        read_only: false,
    });
    let mounts = value.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let replicas = value.get("scale").or_else(|| value.get("deploy")?.get("replicas"));
    Service {
        name: name.to_owned(),
        image: text(value, "image"),
        built: value.get("build").is_some_and(|build| !build.is_null()),
        user: text(value, "user").filter(|user| !user.is_empty()),
        mounts: mounts.filter_map(mount).chain(tmpfs).collect(),
        environment: pairs(value.get("environment"))
            .into_iter()
            .map(|(name, value)| (name, Secret::new(value)))
            .collect(),
        command: ["entrypoint", "command"].iter().flat_map(|key| words(value.get(*key))).collect(),
        profiles: strings(value.get("profiles")),
        depends_on: match value.get("depends_on") {
            Some(Value::Object(services)) => services.keys().cloned().collect(),
            other => strings(other),
        },
        read_only: flag(value, "read_only"),
        replicas: replicas.and_then(number).unwrap_or(1),
        joins: joins(value),
        unresolved: unresolved(value),
        pull_policy: text(value, "pull_policy"),
        watch: value
            .get("develop")
            .and_then(|develop| develop.get("watch"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(watch_rule)
            .collect(),
        tool_labels: tool_labels(value),
    }
}

fn tool_labels(value: &Value) -> BTreeMap<String, String> {
    let of_deploy = value.get("deploy").and_then(|deploy| deploy.get("labels"));
    let labels = pairs(of_deploy).into_iter().chain(pairs(value.get("labels")));
    labels.filter(|(name, _)| is_tool_label(name)).collect()
}

/// `network_mode`, `ipc` and `pid` of `service:…`, and `volumes_from`.
fn joins(value: &Value) -> Vec<String> {
    let unresolved = unresolved(value);
    let lenders = unresolved
        .volumes_from
        .iter()
        .filter(|from| !from.starts_with("container:"))
        .map(|from| from.split(':').next().unwrap_or(from).to_owned());
    unresolved.namespaces.iter().map(|(_, service)| service.clone()).chain(lenders).collect()
}

fn unresolved(value: &Value) -> Unresolved {
    let shared = |key| Some((key, text(value, key)?.strip_prefix("service:")?.to_owned()));
    Unresolved {
        environment: value
            .get("environment")
            .filter(|variables| !variables.is_null())
            .map(|variables| Secret::new(variables.to_string())),
        namespaces: ["network_mode", "ipc", "pid"].into_iter().filter_map(shared).collect(),
        volumes_from: strings(value.get("volumes_from")),
    }
}

fn watch_rule(value: &Value) -> Option<WatchRule> {
    let action = match text(value, "action")?.as_str() {
        "rebuild" => WatchAction::Rebuild,
        "restart" => WatchAction::Restart,
        // An action of a later Compose counts as one that overwrites.
        _ => WatchAction::Sync,
    };
    Some(WatchRule {
        path: PathBuf::from(text(value, "path")?),
        action,
        target: text(value, "target").map(PathBuf::from),
    })
}

fn mount(value: &Value) -> Option<MountDeclaration> {
    if let Some(short) = value.as_str() {
        return Some(short_mount(short));
    }
    let target = PathBuf::from(text(value, "target")?);
    let source = text(value, "source").filter(|source| !source.is_empty());
    let source = match (text(value, "type").as_deref(), source) {
        (Some("volume"), Some(key)) => {
            let subpath = value.get("volume").and_then(|volume| text(volume, "subpath")).map(PathBuf::from);
            DeclaredSource::Named { key, subpath }
        }
        (Some("volume"), None) => DeclaredSource::Anonymous,
        (Some("bind"), Some(path)) => DeclaredSource::Bind {
            path: path.into(),
            create_host_path: value.get("bind").is_some_and(|bind| flag(bind, "create_host_path")),
        },
        (Some("tmpfs"), _) => DeclaredSource::Tmpfs,
        _ => DeclaredSource::Other,
    };
    Some(MountDeclaration { source, target, read_only: flag(value, "read_only") })
}

/// `/target`, `source:/target` or `source:/target:mode`, as V1 prints them.
fn short_mount(short: &str) -> MountDeclaration {
    let mut parts = short.split(':');
    let first = parts.next().unwrap_or_default();
    let Some(target) = parts.next() else {
        return MountDeclaration {
            source: DeclaredSource::Anonymous,
            target: first.into(),
            read_only: false,
        };
    };
    let source = if first.starts_with(['/', '.', '~']) {
        DeclaredSource::Bind { path: first.into(), create_host_path: true }
    } else {
        DeclaredSource::Named { key: first.to_owned(), subpath: None }
    };
    let read_only = parts.next().is_some_and(|mode| mode.split(',').any(|word| word == "ro"));
    MountDeclaration { source, target: target.into(), read_only }
}

/// `volumes_from`: a service mounts what another mounts, except where it has a mount of its own.
fn share_mounts(config: &Value, services: &mut BTreeMap<String, Service>) {
    // A chain is not longer than the number of services.
    for _ in 0..services.len() {
        let before = services.clone();
        for (name, value) in entries(config, "services") {
            for from in strings(value.get("volumes_from")) {
                let (from, mode) = from.split_once(':').unwrap_or((&from, "rw"));
                let (Some(source), Some(service)) = (before.get(from), services.get_mut(name)) else {
                    continue;
                };
                for mount in &source.mounts {
                    let taken = |target: &Path| service.mounts.iter().any(|own| own.target == target);
                    if !taken(&mount.target) {
                        let read_only = mount.read_only || mode == "ro";
                        service.mounts.push(MountDeclaration { read_only, ..mount.clone() });
                    }
                }
            }
        }
        if *services == before {
            break;
        }
    }
}

fn volume(key: &str, value: &Value, grammar: Grammar, project: &str) -> VolumeDeclaration {
    let external = match value.get("external") {
        Some(Value::Object(_)) => true,
        _ => flag(value, "external"),
    };
    let named = text(value, "name").or_else(|| text(value.get("external")?, "name"));
    let name = match named {
        Some(name) => name,
        None if external => key.to_owned(),
        None => match grammar {
            Grammar::V1 => format!("{}_{key}", project.trim_start_matches(['-', '_'])),
            Grammar::V2 => format!("{project}_{key}"),
        },
    };
    VolumeDeclaration {
        name,
        external,
        driver: text(value, "driver"),
        driver_opts: pairs(value.get("driver_opts")),
        labels: pairs(value.get("labels")),
    }
}

fn entries<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// A scalar as text; YAML may print a name as a number.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(scalar)
}

fn flag(value: &Value, key: &str) -> bool {
    text(value, key).is_some_and(|text| text == "true")
}

fn number(value: &Value) -> Option<u32> {
    scalar(value)?.parse().ok()
}

/// A list of texts, or a single one.
fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(scalar).collect(),
        Some(value) => scalar(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A command: a list of words, or a line for a shell.
fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(line)) => line.split_whitespace().map(str::to_owned).collect(),
        other => strings(other),
    }
}

/// A map of texts, or a list of `name=value`.
fn pairs(value: Option<&Value>) -> BTreeMap<String, String> {
    match value {
        Some(Value::Object(map)) => {
            map.iter().map(|(key, value)| (key.clone(), scalar(value).unwrap_or_default())).collect()
        }
        other => strings(other)
            .into_iter()
            .map(|pair| match pair.split_once('=') {
                Some((key, value)) => (key.to_owned(), value.to_owned()),
                None => (pair, String::new()),
            })
            .collect(),
    }
}

/// Turns every `$$` back into `$`.
fn undouble(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(items) => Value::Array(items.iter().map(undouble).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.replace("$$", "$"), undouble(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn long_mounts_of_v2() {
        let config = json!({"name": "p", "services": {"db": {"image": "x", "read_only": true, "scale": 2, "volumes": [
            {"type": "volume", "source": "data", "target": "/d", "volume": {"subpath": "s"}},
            {"type": "volume", "target": "/anon", "volume": {}},
            {"type": "bind", "source": "/a$$b", "target": "/b", "read_only": true, "bind": {"create_host_path": true}},
            {"type": "tmpfs", "target": "/t"},
            {"type": "npipe", "source": "x", "target": "/n"},
        ], "environment": {"PGDATA": "/d/x", "EMPTY": null}, "entrypoint": null, "command": ["postgres", "-D", "/d/x"], "tmpfs": ["/run:size=1m"], "depends_on": {"web": {"condition": "service_started"}}}},
        "volumes": {"data": {"name": "p_data"}, "ext": {"name": "e", "external": true}},
        "x-safe-compose": {"backup": {"directory": "$$x"}}});
        let model = model(&config, Grammar::V2, "");
        assert_eq!(model.name.as_deref(), Some("p"));
        let db = &model.services["db"];
        let sources: Vec<_> = db.mounts.iter().map(|mount| mount.source.clone()).collect();
        assert_eq!(
            sources,
            [
                DeclaredSource::Named { key: "data".into(), subpath: Some("s".into()) },
                DeclaredSource::Anonymous,
                DeclaredSource::Bind { path: "/a$b".into(), create_host_path: true },
                DeclaredSource::Tmpfs,
                DeclaredSource::Other,
                DeclaredSource::Tmpfs,
            ]
        );
        assert_eq!(db.mounts[5].target, PathBuf::from("/run"));
        assert!(db.read_only && db.mounts[2].read_only && db.replicas == 2 && db.depends_on == ["web"]);
        assert_eq!(db.environment["PGDATA"].expose(), "/d/x");
        assert_eq!(db.command, ["postgres", "-D", "/d/x"]);
        assert!(model.volumes["ext"].external && !model.volumes["data"].external);
        assert_eq!(model.settings, Some(json!({"backup": {"directory": "$x"}})));
    }

    #[test]
    fn short_mounts_of_v1() {
        let mount = |short| short_mount(short);
        assert_eq!(mount("/anon").source, DeclaredSource::Anonymous);
        assert_eq!(mount("data:/d:rw").source, DeclaredSource::Named { key: "data".into(), subpath: None });
        let bind = mount("/host/x:/d:ro,z");
        assert_eq!(bind.source, DeclaredSource::Bind { path: "/host/x".into(), create_host_path: true });
        assert!(bind.read_only && bind.target == Path::new("/d"));
    }

    #[test]
    fn v1_gives_volumes_their_names() {
        let config = json!({"services": {}, "volumes": {
            "data": {}, "ext": {"external": true, "name": "far"}, "old": {"external": {"name": "o"}},
            "bare": {"external": true}, "fixed": {"name": "f"}, "nothing": null}});
        let model = model(&config, Grammar::V1, "-my_app");
        let names: Vec<_> =
            model.volumes.iter().map(|(key, volume)| (key.as_str(), volume.name.as_str())).collect();
        assert_eq!(
            names,
            [
                ("bare", "bare"),
                ("data", "my_app_data"),
                ("ext", "far"),
                ("fixed", "f"),
                ("nothing", "my_app_nothing"),
                ("old", "o"),
            ]
        );
    }

    #[test]
    fn mounts_are_shared_through_volumes_from() {
        let config = json!({"name": "p", "services": {
            "a": {"volumes": [{"type": "volume", "source": "d", "target": "/d"}]},
            "b": {"volumes_from": ["a:ro"]}, "c": {"volumes_from": ["b", "container:x"]}}});
        let model = model(&config, Grammar::V2, "");
        assert_eq!(model.services["c"].mounts.len(), 1);
        assert!(model.services["c"].mounts[0].read_only && !model.services["a"].mounts[0].read_only);
    }
}
