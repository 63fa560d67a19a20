//! Checks that the directory of a mount exists and is a directory.

use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::Access;

use super::deepest_existing;
use crate::inventory::StoreKind;
use crate::preflight::data_mount::{Absence, DataMount, Directory};
use crate::preflight::finding::{CheckFinding, CheckSeverity};
use crate::preflight::repair::Repair;

/// The mode of directories that the engine creates.
const MODE: u32 = 0o755;

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let Some(directory) = &mount.directory else {
        return;
    };
    match directory.path.metadata() {
        Ok(found) if found.is_dir() => {}
        // Files and sockets are valid mounts of services without a known server.
        Ok(_) if mount.kind == StoreKind::Volume => {}
        Ok(_) => findings.push(CheckFinding::new(
            CheckSeverity::Stop,
            &mount.service,
            format!("`{}` is not a directory", directory.path.display()),
            format!("the service needs a directory for its data at `{}`", mount.location.target.display()),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound && directory.path.is_symlink() => {
            findings.push(CheckFinding::new(
                CheckSeverity::Stop,
                &mount.service,
                format!("`{}` is a link to a path that does not exist", directory.path.display()),
                "its target may be on a disk that is not mounted",
            ));
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            findings.extend(missing(mount, directory));
        }
        // A path that we have no permission to read is not missing.
        Err(_) => {}
    }
}

fn missing(mount: &DataMount, directory: &Directory) -> Option<CheckFinding> {
    let path = &directory.path;
    let finding = |severity, why: String| {
        CheckFinding::new(severity, &mount.service, format!("`{}` does not exist", path.display()), why)
    };
    match directory.absence {
        Absence::Lost => {
            let why = match &mount.volume {
                Some(volume) => format!("it contains the data of volume `{}` and may be on a disk that is not mounted", volume.name),
                None => "the service has used it before, so its data is missing; it may be on a disk that is not mounted. \
                         Create it only to start without data"
                    .to_owned(),
            };
            Some(with_create_command(mount, path, finding(CheckSeverity::Stop, why)))
        }
        Absence::Fails => {
            let why = "the engine does not create it, so the service cannot start".to_owned();
            Some(with_create_command(mount, path, finding(CheckSeverity::Stop, why)))
        }
        // A read-only mount contains no data of the service.
        Absence::Created if mount.kind == StoreKind::Volume && mount.location.read_only => None,
        Absence::Created if mount.kind == StoreKind::Volume && path.extension().is_some() => Some(finding(
            CheckSeverity::Warn,
            "the engine creates a directory with this name, which is wrong if a file is expected".to_owned(),
        )),
        Absence::Created => Some(creatable(mount, path, finding)),
    }
}

/// A missing directory that the engine would create as root, and that safe-compose may be able to create with the right
/// owner.
fn creatable(
    mount: &DataMount,
    path: &Path,
    finding: impl Fn(CheckSeverity, String) -> CheckFinding,
) -> CheckFinding {
    let non_root = mount.user.filter(|user| !user.is_root());
    let own_uid = rustix::process::geteuid().as_raw();
    let may_create = deepest_existing(path)
        .is_some_and(|parent| parent.is_dir() && rustix::fs::access(&parent, Access::WRITE_OK).is_ok());
    let may_chown = non_root.is_none_or(|user| own_uid == 0 || user.uid == own_uid);
    if !may_create && non_root.is_none() {
        let why = "the engine creates it, owned by root".to_owned();
        return finding(CheckSeverity::Warn, why);
    }
    if !may_create || !may_chown {
        let why = "the engine would create it as root, and the service could not write to it".to_owned();
        return with_create_command(mount, path, finding(CheckSeverity::Stop, why));
    }
    let why = match non_root {
        Some(user) => {
            format!("the engine would create it as root, and user {} could not write to it", user.for_chown())
        }
        None => "the service starts without data".to_owned(),
    };
    // If the group is unknown, the directory gets the group of this process.
    let owner =
        non_root.map(|user| (user.uid, user.gid.unwrap_or_else(|| rustix::process::getegid().as_raw())));
    with_create_command(mount, path, finding(CheckSeverity::Repair, why))
        .with_repair(Repair::CreateDirectory { path: path.to_owned(), mode: MODE, owner })
}

/// Adds the command that creates the directory for the user of the container.
fn with_create_command(mount: &DataMount, path: &Path, finding: CheckFinding) -> CheckFinding {
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
