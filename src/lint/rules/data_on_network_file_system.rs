//! Data on a network file system.

use crate::inventory::known::Keeps;
use crate::lint::project::{LintMountSource, LintProject};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a database whose data is on NFS, SMB or another network file system.
    ///
    /// ## Why it matters
    ///
    /// Databases rely on locks, `fsync` and memory maps, which network file systems support only in part. The
    /// documentation of Qdrant and SQLite warns against them: acknowledged writes may be lost with the connection,
    /// and a second server on the same files is not detected.
    ///
    /// Network storage is fine for backups.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   vectors:
    ///     image: qdrant/qdrant:v1.16.0
    ///     volumes:
    ///       - vectors:/qdrant/storage
    /// volumes:
    ///   vectors:
    ///     driver_opts:
    ///       type: nfs
    ///       o: addr=192.0.2.1,rw
    ///       device: ":/export/vectors"
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
    "data-on-network-file-system", Warning, Project(check)
}

/// The names of network file systems in the kernel, and of drivers that mount them.
const TYPES: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
    "sshfs",
    "davfs",
];
const DRIVERS: &[&str] = &["sshfs", "netshare", "rclone", "glusterfs", "s3fs", "azurefile", "cifs", "nfs"];

fn check(project: &LintProject, report: &mut RuleReport) {
    for (service, store, mount) in project.mounted_stores() {
        if store.program.keeps != Keeps::Records {
            continue;
        }
        let LintMountSource::Named(key) = &mount.source else { continue };
        let Some(volume) = project.volume(key.as_str()) else { continue };
        let kind =
            volume.option("type").filter(|kind| TYPES.contains(&kind.as_str().to_ascii_lowercase().as_str()));
        let driver = volume.driver.as_ref().filter(|driver| {
            DRIVERS.iter().any(|known| driver.as_str().to_ascii_lowercase().contains(known))
        });
        let Some(setting) = kind.or(driver) else { continue };
        let message = format!(
            "{} keeps its data on a network file system (`{}`), where acknowledged writes may be lost",
            store.program.name(),
            setting.as_str(),
        );
        report
            .for_service(service, setting.span, message)
            .help("Keep the data on a local disk, and the backups on the network.");
    }
}
