//! The directory of a bind mount is there, and is a directory.

use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::Access;

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::data_mount::{Absence, DataMount, Directory};
use crate::preflight::finding::{CheckFinding, CheckSeverity};
use crate::preflight::repair::Repair;

/// What an engine gives a directory that it creates.
const MODE: u32 = 0o755;

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let Some(directory) = &mount.directory else {
        return;
    };
    match directory.path.metadata() {
        Ok(found) if found.is_dir() => {}
        // A single file, or a socket, is a sound mount of a service that is no server of ours.
        Ok(_) if mount.kind == StoreKind::Volume => {}
        Ok(_) => findings.push(CheckFinding::new(
            CheckSeverity::Stop,
            &mount.service,
            format!("`{}` is not a directory", directory.path.display()),
            format!(
                "the service keeps its data in `{}` and needs a directory there",
                mount.location.target.display()
            ),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound && directory.path.is_symlink() => {
            findings.push(CheckFinding::new(
                CheckSeverity::Stop,
                &mount.service,
                format!("`{}` is a link to something that does not exist", directory.path.display()),
                "what it led to may be on a disk that is not mounted",
            ));
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            findings.extend(absent(mount, directory));
        }
        // What we may not look at is not missing.
        Err(_) => {}
    }
}

fn absent(mount: &DataMount, directory: &Directory) -> Option<CheckFinding> {
    let path = &directory.path;
    let finding = |severity, why: String| {
        CheckFinding::new(severity, &mount.service, format!("`{}` does not exist", path.display()), why)
    };
    match directory.absence {
        Absence::Lost => {
            let why = match &mount.volume {
                Some(volume) => format!("it holds the data of volume `{}`, and may be on a disk that is not mounted", volume.name),
                None => "the service has run with it, so its data was there; it may be on a disk that is not mounted. \
                         Create it only to start with nothing"
                    .to_owned(),
            };
            Some(create_by_hand(mount, path, finding(CheckSeverity::Stop, why)))
        }
        Absence::Fails => {
            let why = "the engine does not create it, and the service would not start".to_owned();
            Some(create_by_hand(mount, path, finding(CheckSeverity::Stop, why)))
        }
        // A mount that only reads holds no data of the service.
        Absence::Created if mount.kind == StoreKind::Volume && mount.location.read_only => None,
        Absence::Created if mount.kind == StoreKind::Volume && path.extension().is_some() => Some(finding(
            CheckSeverity::Warn,
            "the engine creates a directory of that name, which is wrong if it is meant to be a file"
                .to_owned(),
        )),
        Absence::Created => Some(creatable(mount, path, finding)),
    }
}

/// A directory that the engine would create, owned by root, and that we can create with the right owner.
fn creatable(
    mount: &DataMount,
    path: &Path,
    finding: impl Fn(CheckSeverity, String) -> CheckFinding,
) -> CheckFinding {
    let foreign = mount.user.filter(|user| !user.is_root());
    let ours = rustix::process::geteuid().as_raw();
    let may_create = deepest_existing(path)
        .is_some_and(|parent| parent.is_dir() && rustix::fs::access(&parent, Access::WRITE_OK).is_ok());
    let may_give = foreign.is_none_or(|user| ours == 0 || user.uid == ours);
    if !may_create && foreign.is_none() {
        let why = "the engine creates it, owned by root".to_owned();
        return finding(CheckSeverity::Warn, why);
    }
    if !may_create || !may_give {
        let why =
            "the engine would create it owned by root, and the service could not write to it".to_owned();
        return create_by_hand(mount, path, finding(CheckSeverity::Stop, why));
    }
    let why = match foreign {
        Some(user) => {
            format!(
                "the engine would create it owned by root, and user {} could not write to it",
                user.for_chown()
            )
        }
        None => "the service starts with nothing".to_owned(),
    };
    // The group of a user without a known one stays ours.
    let owner =
        foreign.map(|user| (user.uid, user.gid.unwrap_or_else(|| rustix::process::getegid().as_raw())));
    create_by_hand(mount, path, finding(CheckSeverity::Repair, why)).with_repair(Repair::CreateDirectory {
        path: path.to_owned(),
        mode: MODE,
        owner,
    })
}

/// Adds the command that creates a directory for the user of the service.
fn create_by_hand(mount: &DataMount, path: &Path, finding: CheckFinding) -> CheckFinding {
    let mode = format!("{MODE:04o}");
    let path = path.to_string_lossy();
    match mount.user.filter(|user| !user.is_root()) {
        Some(user) => {
            let uid = user.uid.to_string();
            let gid = user.gid.map(|gid| gid.to_string());
            let mut words = vec!["sudo", "install", "-d", "-m", &mode, "-o", &uid];
            words.extend(gid.iter().flat_map(|gid| ["-g", gid]));
            words.push(&path);
            finding.with_command(words)
        }
        None => finding.with_command(["mkdir", "-p", &path]),
    }
}
