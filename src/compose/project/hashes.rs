//! Compose's hash of each service's configuration, which it compares with the label of a container to decide whether to
//! recreate it.
//!
//! Compose V2 resolves a service before it hashes it: `env_file` becomes part of `environment`, and a reference to a
//! service becomes the id of its container. `config --hash` does neither, so its hash is never that of such a container.
//! An additional file with the resolved values makes it print the hash of the label (measured, 2.26.1 and 2.40.3).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::location::ProjectLocation;
use crate::compose::binary::ComposeBinary;
use crate::compose::grammar::Grammar;
use crate::compose::invocation::{Caller, Reading};
use crate::compose::model::{Model, Unresolved};
use crate::env::{self, Env};
use crate::process::{self, Capture};

/// The hashes of the services as they are written, by service; `None` if Compose does not print them.
pub fn hashes(
    binary: &ComposeBinary,
    reading: &Reading,
    stdin: Option<&[u8]>,
) -> Option<BTreeMap<String, String>> {
    ask(binary, reading, &[], stdin, &[])
}

/// The hashes of the services as V2 resolves them. `ids` has the container that each service stands for in a reference; a
/// service that refers to another one is left out. `None` if Compose does not print them, or if the project's file comes
/// from standard input, where the additional file would be.
pub fn resolved_hashes(
    binary: &ComposeBinary,
    reading: &Reading,
    env: &Env,
    model: &Model,
    ids: &BTreeMap<String, String>,
) -> Option<BTreeMap<String, String>> {
    let location = ProjectLocation::find(reading, env);
    if reading.grammar == Grammar::V1 || location.reads_stdin() {
        return None;
    }
    let overlay = Overlay::new(model, ids);
    let file = overlay.text.as_bytes();
    let mut hashes = if reading.globals.files.is_empty() {
        // As a variable, unlike `-f`, it does not change which `.env` files are read.
        let mut list = OsString::new();
        for file in &location.files {
            list.push(file);
            list.push(SEPARATOR);
        }
        list.push("-");
        let variables = [("COMPOSE_FILE", list), ("COMPOSE_PATH_SEPARATOR", SEPARATOR.into())];
        ask(binary, reading, &[], Some(file), &variables)?
    } else {
        ask(binary, reading, &["-f".into(), "-".into()], Some(file), &[])?
    };
    hashes.retain(|service, _| overlay.services.contains(service));
    Some(hashes)
}

/// It is in no file name.
const SEPARATOR: &str = "\n";

/// The additional file, and the services whose hash it makes right.
struct Overlay {
    text: String,
    services: Vec<String>,
}

impl Overlay {
    fn new(model: &Model, ids: &BTreeMap<String, String>) -> Self {
        let mut text = String::from("services:\n");
        let mut services = Vec::new();
        let mut lenders = Vec::new();
        for service in model.services.values() {
            let Some(entries) = entries(&service.unresolved, ids) else { continue };
            // JSON is YAML too.
            let _ = writeln!(text, "  {}: {{ {} }}", double(&json!(service.name)), entries.join(", "));
            services.push(service.name.clone());
            lenders.extend(lender_ids(&service.unresolved, ids).unwrap_or_default());
        }
        // Compose takes what follows `volumes_from` for a service, and wants it to exist.
        lenders.sort();
        lenders.dedup();
        for id in lenders {
            let _ = writeln!(text, "  {}: {{ image: placeholder }}", double(&json!(id)));
        }
        Self { text, services }
    }
}

/// The resolved keys of one service; `None` if it refers to a service that has no container.
fn entries(unresolved: &Unresolved, ids: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let mut entries = vec!["env_file: !reset null".to_owned()];
    if let Some(environment) = &unresolved.environment {
        let environment: Value = serde_json::from_str(environment.expose()).ok()?;
        entries.push(format!("environment: !override {}", double(&environment)));
    }
    // 2.26.1 hashes the dependencies too, and derives them from the references.
    let mut dependencies = serde_json::Map::new();
    for (key, service) in &unresolved.namespaces {
        entries.push(format!("{key}: {}", json!(format!("container:{}", ids.get(service)?))));
        let started = json!({ "condition": "service_started", "restart": true, "required": true });
        dependencies.insert(service.clone(), started);
    }
    if !dependencies.is_empty() {
        entries.push(format!("depends_on: {}", double(&Value::Object(dependencies))));
    }
    let lenders = lender_ids(unresolved, ids)?;
    if !lenders.is_empty() {
        entries.push(format!("volumes_from: !override {}", double(&json!(lenders))));
    }
    Some(entries)
}

/// `volumes_from` as Compose resolves it: without the mode.
fn lender_ids(unresolved: &Unresolved, ids: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let resolve = |from: &String| {
        let mut parts = from.split(':');
        match parts.next()? {
            "container" => parts.next().map(str::to_owned),
            service => ids.get(service).cloned(),
        }
    };
    unresolved.volumes_from.iter().map(resolve).collect()
}

/// The JSON of a value in which Compose finds no variable.
fn double(value: &Value) -> String {
    value.to_string().replace('$', "$$")
}

fn ask(
    binary: &ComposeBinary,
    reading: &Reading,
    globals: &[OsString],
    stdin: Option<&[u8]>,
    variables: &[(&str, OsString)],
) -> Option<BTreeMap<String, String>> {
    let mut args = reading.globals.argv.clone();
    args.extend_from_slice(globals);
    if reading.grammar == Grammar::V2 {
        args.push("--profile=*".into());
    }
    args.extend(["config", "--hash", "*"].map(Into::into));
    let env_remove: &[&str] = match reading.caller {
        Caller::Person => &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
        Caller::Docker => &[env::PLUGIN_SOCKET],
    };
    let capture = Capture { program: &binary.path, args: &args, env_remove, stdin };
    let output = process::capture_with(&capture, variables).ok()?;
    (output.code == 0).then(|| parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Lines of `service hash`.
fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(service, hash)| (service.to_owned(), hash.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;
    use crate::secret::Secret;

    #[test]
    fn one_line_for_each_service() {
        let hashes = parse("db e68f\nweb 0873\n\n");
        assert_eq!(hashes.get("db").map(String::as_str), Some("e68f"));
        assert_eq!(hashes.len(), 2);
    }

    #[test]
    fn references_become_ids_and_variables_stay_as_they_are() {
        let unresolved = Unresolved {
            environment: Some(Secret::new(r#"{"A":"b$c","D":null}"#)),
            namespaces: vec![("network_mode", "db".into()), ("pid", "gone".into())],
            volumes_from: vec!["db:ro".into(), "container:x:rw".into()],
        };
        let ids = BTreeMap::from([("db".to_owned(), "0a1b".to_owned())]);
        assert_eq!(entries(&unresolved, &ids), None, "`gone` has no container");
        let namespaces = vec![unresolved.namespaces[0].clone()];
        let service = Service {
            name: "web".into(),
            unresolved: Unresolved { namespaces, ..unresolved },
            ..Service::default()
        };
        let model = Model { services: [("web".to_owned(), service)].into(), ..Model::default() };
        let overlay = Overlay::new(&model, &ids);
        assert_eq!(overlay.services, ["web"]);
        let lines: Vec<&str> = overlay.text.lines().collect();
        let web = concat!(
            r#"  "web": { env_file: !reset null, environment: !override {"A":"b$$c","D":null}, "#,
            r#"network_mode: "container:0a1b", "#,
            r#"depends_on: {"db":{"condition":"service_started","restart":true,"required":true}}, "#,
            r#"volumes_from: !override ["0a1b","x"] }"#
        );
        let placeholders = [r#"  "0a1b": { image: placeholder }"#, r#"  "x": { image: placeholder }"#];
        assert_eq!(lines, ["services:", web, placeholders[0], placeholders[1]]);
    }
}
