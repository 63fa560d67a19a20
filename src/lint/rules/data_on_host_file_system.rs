//! Data on the file system of Windows or macOS, or in a synchronised folder.

use crate::inventory::known::Keeps;
use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database in a directory of Windows, or of a program that synchronises files.
    ///
    /// ## Why it matters
    ///
    /// Below `/mnt/c`, on Windows drives, and in folders of OneDrive, Dropbox or iCloud, files do not behave as a
    /// database needs: permissions, locks and memory maps are only emulated, and the synchronising program replaces
    /// files while the server is running.
    ///
    /// Vectors of Qdrant have become zeros in such directories, although every count was still right
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
    "data-on-host-file-system", Warning, Project(check)
}

const SYNCHRONISED: &[&str] =
    &["onedrive", "dropbox", "icloud", "google drive", "googledrive", "nextcloud/", "syncthing"];

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        let LintMountSource::Bind(path) = &mount.source else { continue };
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
            "on a Windows drive"
        } else if SYNCHRONISED.iter().any(|word| lower.contains(word)) {
            "in a synchronised folder"
        } else {
            continue;
        };
        let message = format!("{} keeps its data {what}, which can corrupt it", store.program.name());
        report.for_service(service, mount.span, message).help("Use a named volume.");
    }
}
