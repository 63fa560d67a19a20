//! Checks that the server's data path is on a mount that outlives the container.

use crate::inventory::LocationSource;
use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let Some(data) = mount.kind.data_path().filter(|_| !mount.moved) else {
        return;
    };
    let target = &mount.location.target;
    let warn = |what: String, why: String| CheckFinding::new(CheckSeverity::Warn, &mount.service, what, why);
    match mount.location.source {
        LocationSource::Layer => findings.push(warn(
            format!("nothing is mounted at `{}`", data.display()),
            "the data is in the container itself and is lost when the container is recreated".to_owned(),
        )),
        LocationSource::Tmpfs if mount.holds_everything() => findings.push(warn(
            format!("`{}` is in memory (tmpfs)", target.display()),
            "the data is lost when the container stops".to_owned(),
        )),
        LocationSource::Volume { .. } | LocationSource::Bind { .. }
            if mount.holds_everything() && target != data =>
        {
            findings.push(warn(
                format!("the mount is at `{}`, above `{}`", target.display(), data.display()),
                "it hides the files of the image at this path, also those of newer images".to_owned(),
            ));
        }
        LocationSource::Volume { .. } | LocationSource::Bind { .. } | LocationSource::Tmpfs
            if target.starts_with(data) && !mount.covered =>
        {
            findings.push(warn(
                format!("the mount is at `{}`, below `{}`", target.display(), data.display()),
                "the rest of the data is in the container itself and is lost when the container is recreated"
                    .to_owned(),
            ));
        }
        LocationSource::Volume { .. } | LocationSource::Bind { .. } | LocationSource::Tmpfs => {}
    }
}
