//! Data behind a network.

use crate::inventory::known::Keeps;
use crate::lint::project::{Project, Source};
use crate::lint::rule::{Report, mounted, rule};

rule! {
    /// Finds a database whose data is on NFS, SMB or another network file system.
    ///
    /// ## Why it matters
    ///
    /// Databases rely on locks, on `fsync` and on memory maps, which network file systems keep only in part. Qdrant
    /// and SQLite warn of it: what was acknowledged may be gone after a lost connection, and a second server is not
    /// kept out. Back up to such a place; do not run from it.
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
    "data-on-network-file-system", Warning, check
}

/// The kernel's names of network file systems, and drivers that mount them.
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

fn check(project: &Project, report: &mut Report) {
    for (service, store, mount) in mounted(project) {
        if store.program.keeps != Keeps::Records {
            continue;
        }
        let Source::Named(key) = &mount.source else { continue };
        let Some(volume) = project.volume(key.as_str()) else { continue };
        let kind =
            volume.option("type").filter(|kind| TYPES.contains(&kind.as_str().to_ascii_lowercase().as_str()));
        let driver = volume.driver.as_ref().filter(|driver| {
            DRIVERS.iter().any(|known| driver.as_str().to_ascii_lowercase().contains(known))
        });
        let Some(said) = kind.or(driver) else { continue };
        let message = format!(
            "{} keeps its data on a network file system (`{}`): writes that were acknowledged may be lost",
            store.program.name(),
            said.as_str(),
        );
        report
            .of(service, said.span, message)
            .help("Keep the data on a local disk, and back up to the network.");
    }
}
