//! What this program answers to `docker`, which asks each of its plugins who it is.

/// The metadata of a plugin of `docker` (docker/cli, `cli-plugins/metadata`). The real Compose is not asked: `docker` asks
/// before every command, and the answer of the real one takes 50 ms.
pub fn plugin_metadata() -> String {
    serde_json::json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "safe-compose",
        "Version": format!("v{}", env!("CARGO_PKG_VERSION")),
        "ShortDescription": "Docker Compose, guarded by safe-compose",
    })
    .to_string()
}
