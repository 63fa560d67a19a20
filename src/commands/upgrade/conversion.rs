//! How data gets to the version of a new image.

use super::refuse::refuse;
use crate::backup::driver::postgres;
use crate::commands::context::ProjectContext;
use crate::commands::versions::{self, ServiceVersions};
use crate::compose::image::Reference;
use crate::error::Failure;
use crate::inventory::version::{ServerProgram, ServerVersion, VersionChange};

/// How the data is converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conversion {
    /// Dumped by the former version, and restored into the new one.
    Dump,
    /// Opened by each of these images, one after the other. The last one is that of the file.
    Steps(Vec<String>),
    /// By the server itself, when it starts.
    ByServer,
}

/// How the data gets to the version of the image; `None` if the server opens it as it is.
pub(super) fn of(
    cx: &ProjectContext<'_>,
    service: &str,
    versions: &ServiceVersions,
) -> Result<Option<Conversion>, Failure> {
    let ServiceVersions { data, server, reference, change, .. } = versions;
    let is_newer = data.program == server.program && server.numbers > data.numbers;
    match (change, server.program) {
        (VersionChange::None, _) => Ok(None),
        (VersionChange::Converts | VersionChange::Impossible(_), ServerProgram::Qdrant)
            if is_newer && data.numbers.first() == server.numbers.first() =>
        {
            if is_cluster(cx, service) {
                return Err(refuse(format!(
                    "`{service}` is a node of a cluster, which is upgraded node by node"
                )));
            }
            let mut images: Vec<String> =
                versions::steps(data, server).iter().map(|step| with_version(reference, step)).collect();
            images.pop();
            images.push(reference.clone());
            Ok(Some(Conversion::Steps(images)))
        }
        (VersionChange::Impossible(_), ServerProgram::PostgreSql) if is_newer => {
            if postgres::upgrade::is_supported(reference) {
                return Ok(Some(Conversion::Dump));
            }
            Err(refuse(format!("`upgrade` does not know where `{reference}` has its data and its settings"))
                .say(format!("{}.", by_hand(cx, service, data))))
        }
        (VersionChange::Converts, _) => Ok(Some(Conversion::ByServer)),
        (VersionChange::Impossible(reason), _) => {
            Err(refuse(format!("the data of `{service}` is of {data}, and `{reference}` is {server}"))
                .say(format!("{reason}. {}.", versions::advice(cx, service, data, server))))
        }
    }
}

/// The procedure without this command.
fn by_hand(cx: &ProjectContext<'_>, service: &str, data: &ServerVersion) -> String {
    let suggest = cx.suggest();
    format!(
        "To move the databases: set the image of `{service}` back to {data}, run `{}` and `{}`, which dumps them; then set the new image and name another volume for the data, run `{}` again, and restore the dump by its name. The old volume stays as it is",
        suggest.up(service),
        suggest.backup(),
        suggest.up(service),
    )
}

fn is_cluster(cx: &ProjectContext<'_>, service: &str) -> bool {
    let is_on = |value: &str| ["true", "1"].contains(&value);
    let stores = cx.inventory.stores.iter().filter(|store| store.service == service);
    stores.filter_map(|store| store.container.as_ref()).any(|container| {
        let value = container.environment.get("QDRANT__CLUSTER__ENABLED");
        value.is_some_and(|value| is_on(value.expose()))
    })
}

/// The reference with another version in its tag: `v1.19.2-unprivileged` becomes `v1.18-unprivileged`.
pub(super) fn with_version(reference: &str, version: &str) -> String {
    let parsed = Reference::parse(reference);
    let tag = parsed.tag.unwrap_or_default();
    let prefix = if tag.starts_with('v')
        || !tag.starts_with(|first: char| first.is_ascii_digit()) && reference.contains("qdrant")
    {
        "v"
    } else {
        ""
    };
    let numbers = tag.trim_start_matches('v');
    let suffix = match numbers.find(|letter: char| !letter.is_ascii_digit() && letter != '.') {
        Some(at) if at > 0 => &numbers[at..],
        Some(_) | None => "",
    };
    format!("{}:{prefix}{version}{suffix}", parsed.repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_gets_another_version() {
        for (reference, version, expected) in [
            ("postgres:17", "15", "postgres:15"),
            ("postgres:17.2-alpine3.20", "15", "postgres:15-alpine3.20"),
            (
                "mirror.example:5000/library/postgres:17-bookworm",
                "15",
                "mirror.example:5000/library/postgres:15-bookworm",
            ),
            ("qdrant/qdrant:v1.19.0", "1.18", "qdrant/qdrant:v1.18"),
            ("qdrant/qdrant:v1.19.0-unprivileged", "1.18", "qdrant/qdrant:v1.18-unprivileged"),
            ("qdrant/qdrant", "1.18", "qdrant/qdrant:v1.18"),
            ("qdrant/qdrant:latest", "1.18", "qdrant/qdrant:v1.18"),
            ("postgres:latest", "15", "postgres:15"),
            ("postgres@sha256:00", "15", "postgres:15"),
        ] {
            assert_eq!(with_version(reference, version), expected, "{reference}");
        }
    }
}
