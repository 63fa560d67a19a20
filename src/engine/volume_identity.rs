//! What tells a volume from another one that was created later under the same name.
//!
//! `CreatedAt` alone does not: before version 23.0, the engine reports the change time of the volume's directory, which
//! moves whenever a file at its top is created or removed (measured, 20.10).

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::{Identity, Volume};

/// The first major version of the engine in which `CreatedAt` of a local volume does not move.
const STABLE_SINCE: u32 = 23;

/// Identifies one volume of an engine for as long as the volume exists, whatever its name and its contents.
///
/// What can be read depends on the engine, and on whether this process may look into its directories: two identities of
/// one volume may have nothing in common. They are compared with [`VolumeIdentity::is_same`], not with `==`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeIdentity {
    /// The inode and the birth time of the volume's directory. The number of its device is left out, because it may be
    /// another one after a reboot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    /// When the engine created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<String>,
}

impl VolumeIdentity {
    /// Reads the identity of a volume; `None` if there is nothing that would change with another volume.
    pub(super) fn read(volume: &Volume, engine: &Identity) -> Option<Self> {
        if volume.driver != "local" {
            return None;
        }
        // The directory around `_data`: a volume that is a mount has its file system at `_data` only while it is used.
        let directory =
            volume.mountpoint.parent().filter(|_| engine.local && volume.mountpoint.ends_with("_data"));
        let major = engine.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        let is_stable = major.is_some_and(|major| major >= STABLE_SINCE);
        let identity = Self {
            directory: directory.and_then(birth),
            created: volume.created.clone().filter(|_| is_stable),
        };
        (identity.directory.is_some() || identity.created.is_some()).then_some(identity)
    }

    /// The identity of a volume that was created at this time.
    #[cfg(any(test, feature = "internals"))]
    pub fn created_at(time: &str) -> Self {
        Self { directory: None, created: Some(time.to_owned()) }
    }

    /// Whether both are of the same volume; `None` if they have nothing in common that could tell.
    pub fn is_same(&self, other: &Self) -> Option<bool> {
        let same = |one: &Option<String>, other: &Option<String>| Some(one.as_ref()? == other.as_ref()?);
        same(&self.directory, &other.directory).or_else(|| same(&self.created, &other.created))
    }

    /// One line that no other volume has. The same process gets the same line for a volume at any time.
    pub fn line(&self) -> String {
        let parts = [("directory", &self.directory), ("created", &self.created)];
        let known = parts.iter().filter_map(|(name, part)| Some(format!("{name} {}", part.as_ref()?)));
        known.collect::<Vec<_>>().join(", ")
    }
}

/// An inode is given to the next directory at once, and two directories may be born at the same time; both together are
/// unique. `None` if it cannot be read, or the file system does not record the time.
fn birth(directory: &Path) -> Option<String> {
    let metadata = std::fs::symlink_metadata(directory).ok().filter(std::fs::Metadata::is_dir)?;
    let born = metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {}.{:09}", metadata.ino(), born.as_secs(), born.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    fn engine(version: &str, local: bool) -> Identity {
        Identity {
            id: "E".into(),
            name: "host".into(),
            version: version.into(),
            endpoint: "unix:///var/run/docker.sock".into(),
            local,
            root: PathBuf::from("/var/lib/docker"),
            containerd_images: false,
        }
    }

    fn volume(mountpoint: &Path, created: &str) -> Volume {
        Volume {
            name: "shop_data".into(),
            driver: "local".into(),
            options: BTreeMap::new(),
            labels: BTreeMap::new(),
            created: Some(created.into()),
            mountpoint: mountpoint.to_owned(),
            identity: None,
        }
    }

    #[test]
    fn files_in_a_volume_do_not_change_its_identity_and_creating_it_again_does() {
        let root = tempfile::tempdir().expect("a directory");
        let (top, data) = (root.path().join("shop_data"), root.path().join("shop_data/_data"));
        let engine = engine("20.10.24+dfsg1", true);
        let read = |created: &str| {
            VolumeIdentity::read(&volume(&data, created), &engine).expect("birth times are recorded")
        };
        std::fs::create_dir_all(&data).expect("made");
        let first = read("2026-08-01T10:00:00Z");
        std::fs::write(data.join("file"), "").expect("written");
        let busy = read("2026-08-01T11:00:00Z");
        assert_eq!((first.is_same(&busy), first.line()), (Some(true), busy.line()));
        std::fs::remove_dir_all(&top).expect("removed");
        std::fs::create_dir_all(&data).expect("made");
        let again = read("2026-08-01T10:00:00Z");
        assert_eq!(first.is_same(&again), Some(false));
        assert_ne!(first.line(), again.line());
    }

    #[test]
    fn the_time_of_creation_counts_only_where_it_does_not_move() {
        let volume = volume(Path::new("/nonexistent/shop_data/_data"), "2026-08-01T10:00:00Z");
        assert_eq!(VolumeIdentity::read(&volume, &engine("20.10.24", true)), None);
        assert_eq!(VolumeIdentity::read(&volume, &engine("dev", false)), None);
        let created = VolumeIdentity::created_at("2026-08-01T10:00:00Z");
        assert_eq!(VolumeIdentity::read(&volume, &engine("23.0.1", false)), Some(created.clone()));
        assert_eq!(created.is_same(&VolumeIdentity::created_at("2026-08-02T10:00:00Z")), Some(false));
        let of_plugin = Volume { driver: "vieux/sshfs".into(), ..volume };
        assert_eq!(VolumeIdentity::read(&of_plugin, &engine("28.5.2", true)), None);
    }

    #[test]
    fn a_directory_of_another_machine_is_not_read() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("_data")).expect("made");
        let volume = volume(&root.path().join("_data"), "2026-08-01T10:00:00Z");
        assert_eq!(VolumeIdentity::read(&volume, &engine("20.10.24", false)), None);
        let remote = VolumeIdentity::read(&volume, &engine("28.5.2", false)).expect("its time is stable");
        let local = VolumeIdentity {
            created: None,
            ..VolumeIdentity::read(&volume, &engine("28.5.2", true)).expect("read")
        };
        assert_eq!(remote.is_same(&local), None, "they have nothing in common");
    }
}
