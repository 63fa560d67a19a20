//! What `--safe-version` prints.

use serde_json::json;

use super::Format;

/// The commit that the program was built from, where the build knew it.
const COMMIT: Option<&str> = option_env!("SAFE_COMPOSE_BUILD_COMMIT");

/// The program's version.
pub fn version(format: Format) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match (format, COMMIT) {
        (Format::Text, None) => format!("safe-compose {version}"),
        (Format::Text, Some(commit)) => format!("safe-compose {version} ({commit})"),
        (Format::Json, commit) => {
            let value = json!({
                "format": "safe-compose-version",
                "format_version": 1,
                "version": version,
                "commit": commit,
                // The newest version of each format on disk that this program reads and writes.
                "formats": {
                    crate::backup::manifest::FORMAT: crate::backup::manifest::FORMAT_VERSION,
                    crate::backup::baseline::FORMAT: crate::backup::baseline::FORMAT_VERSION,
                },
            });
            format!("{value:#}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_name_the_version() {
        assert!(version(Format::Text).starts_with(concat!("safe-compose ", env!("CARGO_PKG_VERSION"))));
        let value: serde_json::Value = serde_json::from_str(&version(Format::Json)).expect("JSON");
        assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
        assert!(value["formats"]["safe-compose-backup"].is_u64(), "{value}");
        assert!(value.get("commit").is_some());
    }
}
