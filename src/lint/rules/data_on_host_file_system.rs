//! Data on a file system of another system, or of a synchroniser.

use crate::inventory::known::Keeps;
use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds a database whose data is in a directory that Windows, macOS or a synchroniser writes too.
    ///
    /// ## Why it matters
    ///
    /// Below `/mnt/c`, behind a Windows drive letter, and in folders of OneDrive, Dropbox or iCloud, files are not kept
    /// as a database needs it: permissions, locks and memory maps are imitated, and a synchroniser replaces files under
    /// the running server. Qdrant's vectors became zeros in such places, with every count intact
    /// (qdrant/qdrant#6676, #7610).
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:v1.16.0
    ///     volumes:
    ///       - /mnt/c/Users/me/vectors:/qdrant/storage
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:v1.16.0
    ///     volumes:
    ///       - vectors:/qdrant/storage
    /// volumes:
    ///   vectors:
    /// ```
    "data-on-host-file-system", Warning, check
}

const SYNCHRONISED: &[&str] =
    &["onedrive", "dropbox", "icloud", "google drive", "googledrive", "nextcloud/", "syncthing"];

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        let Source::Bind(path) = &mount.source else { continue };
        if store.program.keeps == Keeps::Cache {
            continue;
        }
        let lower = path.as_str().to_ascii_lowercase().replace('\\', "/");
        let bytes = lower.as_bytes();
        let drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && &bytes[1..3] == b":/"
            || lower.strip_prefix("/mnt/").or_else(|| lower.strip_prefix("/host_mnt/")).is_some_and(|rest| {
                let name = rest.split('/').next().unwrap_or_default();
                name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_lowercase())
            });
        let what = if drive {
            "a Windows drive"
        } else if SYNCHRONISED.iter().any(|word| lower.contains(word)) {
            "a synchronised folder"
        } else {
            continue;
        };
        let message =
            format!("{} keeps its data on {what}, which is known to damage it", store.program.name());
        report.of(service, mount.span, message).help("Keep the data in a named volume.");
    }
}
