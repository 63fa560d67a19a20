//! The places that hold data: writing into them, and finding out what became of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::row::Fate;
use super::{engine, images};
use crate::support::bare::docker;

/// A container, as a row names it: `[PROJECT/]SERVICE[.NUMBER]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Body {
    project: String,
    service: String,
    number: String,
}

impl Body {
    pub fn parse(text: &str, project: &str) -> Self {
        let (project, rest) = text.split_once('/').unwrap_or((project, text));
        let (service, number) = rest.split_once('.').unwrap_or((rest, "1"));
        Self { project: project.to_owned(), service: service.to_owned(), number: number.to_owned() }
    }
}

/// What is behind a path of a container.
#[derive(Debug, Clone)]
pub enum Behind {
    Volume { name: String, anonymous: bool },
    Directory(String),
    Tmpfs,
    Layer,
}

/// One place with data in it.
#[derive(Debug)]
pub struct Place {
    pub key: String,
    pub body: Body,
    pub path: String,
    pub container: String,
    container_id: String,
    pub behind: Behind,
    token: String,
}

/// The containers that Compose made, one-off ones aside: body, id, whether it runs.
fn containers() -> Vec<(Body, String, bool)> {
    let filter = engine::filters("label", "com.docker.compose.oneoff=False");
    let listed = engine::get(&format!("/containers/json?all=1&{filter}")).expect("a list");
    listed
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let label = |name: &str| text(&one["Labels"][format!("com.docker.compose.{name}")]);
            let body = Body {
                project: label("project"),
                service: label("service"),
                number: label("container-number"),
            };
            (body, text(&one["Id"]), one["State"] == "running")
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Writes a marker into every place: `(key, body, path)`.
pub fn write(wanted: Vec<(String, Body, String)>) -> Vec<Place> {
    let known = containers();
    let mut inspected: BTreeMap<String, Value> = BTreeMap::new();
    let mut places = Vec::new();
    for (key, body, path) in wanted {
        let (_, id, _) = known
            .iter()
            .find(|(known, _, running)| *known == body && *running)
            .unwrap_or_else(|| panic!("{key}: nothing runs there: {known:?}"));
        let json = inspected.entry(id.clone()).or_insert_with(|| inspect(id));
        let container = json["Name"].as_str().expect("a name").trim_start_matches('/').to_owned();
        let token = format!("{key} {id}");
        let behind = behind(json, &path);
        places.push(Place { key, body, path, container, container_id: id.clone(), behind, token });
    }
    for id in inspected.keys() {
        let script = places.iter().filter(|place| place.container_id == *id).fold(
            String::new(),
            |text, Place { path, token, .. }| {
                format!("{text}mkdir -p {path} && echo '{token}' > {path}/mark && ")
            },
        );
        docker(&["exec", id, "/bin/sh", "-c", &format!("{script}:")]).expect("written");
    }
    places
}

fn inspect(id: &str) -> Value {
    engine::get(&format!("/containers/{id}/json")).expect("inspected")
}

fn behind(json: &Value, path: &str) -> Behind {
    for mount in json["Mounts"].as_array().into_iter().flatten() {
        if mount["Destination"] == path {
            return match mount["Type"].as_str() {
                Some("volume") => {
                    let name = text(&mount["Name"]);
                    let anonymous = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
                    Behind::Volume { name, anonymous }
                }
                Some("bind") => Behind::Directory(text(&mount["Source"])),
                _ => Behind::Tmpfs,
            };
        }
    }
    if json["HostConfig"]["Tmpfs"].get(path).is_some() { Behind::Tmpfs } else { Behind::Layer }
}

/// Its `CreatedAt` would not tell it from a later one of its name: on engine 20.10 that moves with every file that
/// appears in the volume's topmost directory.
fn exists(volume: &str) -> bool {
    engine::get(&format!("/volumes/{volume}")).is_some()
}

/// What became of every place, looking for the data of each where `look` says.
pub fn fates(places: &[Place], look: impl Fn(&Body) -> Body) -> Vec<Fate> {
    let known = containers();
    let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
    places
        .iter()
        .map(|place| {
            let body = look(&place.body);
            let now = known.iter().find(|(known, _, running)| *known == body && *running);
            let old_body = known.iter().any(|(_, id, _)| *id == place.container_id);
            let Some((_, id, _)) = now else { return at_rest(place, old_body) };
            let text = seen.entry(id.clone()).or_insert_with(|| everything(id, places));
            let Some(text) = text else { return at_rest(place, old_body) };
            if text.lines().any(|line| line == format!("{}={}", place.path, place.token)) {
                return Fate::Kept;
            }
            let on_disk = match &place.behind {
                Behind::Volume { name, .. } => exists(name) && in_volume(name, &place.token),
                Behind::Directory(path) => std::fs::read_to_string(Path::new(path).join("mark"))
                    .is_ok_and(|text| text.trim() == place.token),
                Behind::Tmpfs => false,
                Behind::Layer => old_body,
            };
            if on_disk { Fate::Orphaned } else { Fate::Deleted }
        })
        .collect()
}

/// The fate of a place whose service does not run: a named volume will be found again, an anonymous one only with the
/// container.
fn at_rest(place: &Place, old_body: bool) -> Fate {
    match &place.behind {
        Behind::Volume { name, .. } if !exists(name) || !in_volume(name, &place.token) => Fate::Deleted,
        Behind::Volume { anonymous: true, .. } if !old_body => Fate::Orphaned,
        Behind::Volume { .. } => Fate::Kept,
        Behind::Directory(path) if Path::new(path).join("mark").exists() => Fate::Kept,
        Behind::Layer if old_body => Fate::Kept,
        Behind::Directory(_) | Behind::Layer | Behind::Tmpfs => Fate::Deleted,
    }
}

/// Every marker that a container sees: `PATH=TOKEN` lines; `None` when it was just being killed.
fn everything(id: &str, places: &[Place]) -> Option<String> {
    let script = places.iter().fold(String::new(), |text, Place { path, .. }| {
        format!("{text}[ -e {path}/mark ] && echo \"{path}=$(cat {path}/mark)\"; ")
    });
    docker(&["exec", id, "/bin/sh", "-c", &format!("{script}:")]).ok()
}

/// Whether the marker is in a volume that no service shows, read out of a container that is never started.
fn in_volume(volume: &str, token: &str) -> bool {
    let wanted = json!({
        "Image": format!("{}:plain", images::NAME),
        "HostConfig": { "NetworkMode": "none", "Binds": [format!("{volume}:/look:ro")] },
    });
    let made = engine::post("/containers/create", &wanted).expect("made");
    let id = text(&made["Id"]);
    // All of it: the marker may lie in a directory that a `subpath` named.
    let archive = engine::bytes(&format!("/containers/{id}/archive?path=/look"));
    engine::delete(&format!("/containers/{id}"));
    archive.is_some_and(|archive| String::from_utf8_lossy(&archive).contains(token))
}
