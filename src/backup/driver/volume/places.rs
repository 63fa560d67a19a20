//! Which directories of a store are copied, and the names of their archives.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::backup::manifest::{ArtifactContents, Manifest};
use crate::fs::Digest;
use crate::inventory::{DataLocation, LocationSource, Store};

/// What is copied, and remarks about what is not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chosen<'a> {
    pub places: Vec<&'a DataLocation>,
    pub remarks: Vec<String>,
}

/// Directories of the host that are not data of a service: monitoring tools mount them.
const OF_THE_SYSTEM: &[&str] = &["/dev", "/proc", "/sys", "/run", "/var/run", "/boot"];

/// Volumes, directories that the service can write, and its container layer if it keeps data there. What is below
/// another of these is in that one's archive. A volume that the service can only read counts: it can be lost like any
/// other.
///
/// `backups` is the backup directory, if the engine shares the file system of this machine: a directory that contains
/// it would copy all backups into each backup.
pub(super) fn choose<'a>(store: &'a Store, backups: Option<&Path>) -> Chosen<'a> {
    let mut chosen = Chosen::default();
    for place in &store.locations {
        let target = place.target.display();
        match &place.source {
            LocationSource::Tmpfs => continue,
            // It does not exist before its container is created.
            LocationSource::Volume { name: None, .. } | LocationSource::Layer
                if store.container.is_none() =>
            {
                continue;
            }
            LocationSource::Bind { .. } if place.read_only => continue,
            LocationSource::Bind { path } if is_of_the_system(path) => {
                chosen.remarks.push(format!("`{}` was not copied: it belongs to the system", path.display()));
                continue;
            }
            LocationSource::Bind { path } if backups.is_some_and(|backups| backups.starts_with(path)) => {
                chosen.remarks.push(format!(
                    "`{target}` was not copied: it contains the backups, at `{}` on the host",
                    path.display()
                ));
                continue;
            }
            LocationSource::Bind { path } if store.container.is_none() => {
                chosen.remarks.push(format!(
                    "`{}` was not copied: it is a directory of the host, and no container mounts it",
                    path.display()
                ));
                continue;
            }
            LocationSource::Volume { .. } | LocationSource::Bind { .. } | LocationSource::Layer => {}
        }
        chosen.places.push(place);
    }
    let all = chosen.places.clone();
    chosen.places.retain(|place| {
        !all.iter().any(|other| place.target != other.target && place.target.starts_with(&other.target))
    });
    chosen
}

fn is_of_the_system(path: &Path) -> bool {
    path.parent().is_none() || OF_THE_SYSTEM.iter().any(|of_system| path.starts_with(of_system))
}

/// `/var/lib/my-data` becomes `var-lib-my%2Ddata.tar`: readable, and unique.
pub(super) fn archive_name(target: &Path) -> String {
    let parts: Vec<String> = target
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(escape(part.as_encoded_bytes())),
            Component::ParentDir => Some("%2E%2E".to_owned()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect();
    let mut name = if parts.is_empty() { "%2F".to_owned() } else { parts.join("-") };
    if name.len() > 200 {
        let digest = Digest::of(name.as_bytes()).to_string();
        name.truncate(150);
        name = format!("{name}%{digest}");
    }
    format!("{name}.tar")
}

fn escape(bytes: &[u8]) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.');
    let text = percent_encode(bytes, ESCAPED).to_string();
    // Nothing is hidden.
    text.strip_prefix('.').map(|rest| format!("%2E{rest}")).unwrap_or(text)
}

/// The source of the data, for the manifest.
pub(super) fn source(place: &DataLocation) -> String {
    place.source.to_string()
}

/// Whether a backup has an archive of each place, and of no other.
pub(super) fn are_those_of(places: &[&DataLocation], manifest: &Manifest) -> bool {
    let own: BTreeSet<(String, String)> =
        places.iter().map(|place| (place.target.display().to_string(), source(place))).collect();
    let theirs: BTreeSet<(String, String)> = manifest
        .artifacts
        .iter()
        .filter_map(|artifact| match &artifact.contents {
            ArtifactContents::Files { target, source, .. } => Some((target.clone(), source.clone())),
            _ => None,
        })
        .collect();
    !own.is_empty() && own == theirs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::StoreKind;

    fn place(source: LocationSource, target: &str) -> DataLocation {
        DataLocation { source, target: target.into(), read_only: false }
    }

    fn volume(name: &str, target: &str) -> DataLocation {
        place(LocationSource::Volume { name: Some(name.into()), anonymous: false }, target)
    }

    fn bind(path: &str, target: &str) -> DataLocation {
        place(LocationSource::Bind { path: path.into() }, target)
    }

    fn store(places: Vec<DataLocation>) -> Store {
        Store {
            id: "db".into(),
            service: "db".into(),
            kind: StoreKind::Volume,
            container: None,
            image: None,
            locations: places,
        }
    }

    fn targets(store: &Store) -> Vec<String> {
        choose(store, None).places.iter().map(|place| place.target.display().to_string()).collect()
    }

    #[test]
    fn a_place_below_another_is_in_that_ones_archive() {
        let store = store(vec![volume("a", "/data"), volume("b", "/data/sub"), volume("c", "/database")]);
        assert_eq!(targets(&store), ["/data", "/database"]);
    }

    #[test]
    fn what_is_not_copied_is_said() {
        let mut read_only = volume("shared", "/shared");
        read_only.read_only = true;
        let store = store(vec![
            place(LocationSource::Tmpfs, "/tmp"),
            read_only,
            bind("/srv/x", "/x"),
            bind("/", "/host"),
            bind("/var/run/docker.sock", "/var/run/docker.sock"),
            volume("data", "/data"),
        ]);
        let chosen = choose(&store, None);
        assert_eq!(chosen.places, [&store.locations[1], &store.locations[5]]);
        assert_eq!(chosen.remarks.len(), 3, "{:?}", chosen.remarks);
    }

    #[test]
    fn the_directory_around_the_backups_is_not_copied_into_them() {
        let store = store(vec![bind("/srv/app", "/app")]);
        let chosen = choose(&store, Some(Path::new("/srv/app/backups")));
        assert!(chosen.places.is_empty());
        assert!(chosen.remarks[0].contains("it contains the backups"), "{:?}", chosen.remarks);
    }

    #[test]
    fn an_archive_is_named_after_its_place() {
        for (target, name) in [
            ("/data", "data.tar"),
            ("/var/lib/my-data", "var-lib-my%2Ddata.tar"),
            ("/.hidden/x y", "%2Ehidden-x%20y.tar"),
            ("/", "%2F.tar"),
        ] {
            assert_eq!(archive_name(Path::new(target)), name);
        }
    }

    proptest! {
        #[test]
        fn two_places_never_share_an_archive(one in "(/[a.%/ -]{1,3}){1,4}", other in "(/[a.%/ -]{1,3}){1,4}") {
            let parts = |text: &str| Path::new(text).components().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
            prop_assert_eq!(parts(&one) == parts(&other), archive_name(Path::new(&one)) == archive_name(Path::new(&other)));
        }

        #[test]
        fn a_name_fits_every_file_system(target in "(/.{0,80}){1,6}") {
            let name = archive_name(Path::new(&target));
            prop_assert!(name.len() <= 255 && !name.contains('/') && !name.starts_with('.'));
        }
    }
}
