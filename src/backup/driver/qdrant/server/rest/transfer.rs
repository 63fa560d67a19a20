//! Requests that transfer data that a server already has to another of its collections.

use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use super::{
    COUNT, Descriptor, Download, Permission, QUESTION, Rest, Result, SnapshotTarget, answer, in_url, strings,
};
use crate::backup::driver::qdrant::names;

/// One of several changes that are made in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AliasChange<'a> {
    /// An existing alias.
    Move {
        alias: &'a str,
        to: &'a str,
    },
    Delete {
        alias: &'a str,
    },
}

impl Rest {
    /// The names of the snapshots that the server has.
    pub(crate) async fn snapshots(&self, of: SnapshotTarget<'_>) -> Result<Vec<String>> {
        let request = self.request(format!("list the snapshots of {of}"), Permission::Read);
        let path = format!("{}/snapshots", of.path());
        let result = answer(&request, self.to(Method::GET, &path).timeout(QUESTION)).await?;
        strings(&request, &result, "name")
    }

    /// Restores a collection from a snapshot on the server's own disk, given by its path there; waits until it is done.
    /// The server rejects paths outside its snapshot directory.
    pub(crate) async fn recover(
        &self,
        collection: &str,
        path_there: &str,
        sha256: Option<&str>,
    ) -> Result<()> {
        let request = self.request(format!("recover collection `{collection}`"), Permission::Manage);
        let path = format!("/collections/{}/snapshots/recover?wait=true", in_url(collection));
        // The path may contain characters that are special in a URL.
        let location: String = path_there.split('/').map(in_url).collect::<Vec<_>>().join("/");
        let body =
            json!({ "location": format!("file://{location}"), "priority": "snapshot", "checksum": sha256 });
        answer(&request, self.to(Method::PUT, &path).json(&body)).await.map(drop)
    }

    /// Streams a snapshot of a collection or a shard to another server, or back to this one, as another collection,
    /// without storing it here.
    pub(crate) async fn transfer(
        &self,
        from: SnapshotTarget<'_>,
        snapshot: &Descriptor,
        receiver: &Self,
        to: SnapshotTarget<'_>,
    ) -> Result<()> {
        let what = Download { of: from, snapshot: &snapshot.name };
        let response = self.download(what, 0, None).await?;
        let request = receiver.request(format!("upload {to}"), Permission::Manage);
        let part = Part::stream_with_length(Body::wrap_stream(response.bytes_stream()), snapshot.size)
            .file_name(names::transfer_name(from.collection))
            .mime_str("application/octet-stream")
            .expect("it is a media type");
        let checksum =
            snapshot.checksum.as_deref().map_or_else(String::new, |sum| format!("&checksum={sum}"));
        let path = format!("{}/snapshots/upload?wait=true&priority=snapshot{checksum}", to.path());
        let builder = receiver.to(Method::POST, &path).multipart(Form::new().part("snapshot", part));
        answer(&request, builder).await.map(drop)
    }

    /// Applies all of them in one step, or none. Without changes, sends no request.
    pub(crate) async fn change_aliases_atomically(&self, changes: &[AliasChange<'_>]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let request = self.request("move aliases", Permission::Manage);
        let delete = |alias: &str| json!({ "delete_alias": { "alias_name": alias } });
        let actions: Vec<Value> = changes
            .iter()
            .flat_map(|change| match change {
                AliasChange::Move { alias, to } => vec![
                    delete(alias),
                    json!({ "create_alias": { "alias_name": alias, "collection_name": to } }),
                ],
                AliasChange::Delete { alias } => vec![delete(alias)],
            })
            .collect();
        let builder = self.to(Method::POST, "/collections/aliases").timeout(COUNT);
        answer(&request, builder.json(&json!({ "actions": actions }))).await.map(drop)
    }
}
