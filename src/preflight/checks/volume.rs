//! A volume that the project does not own is there.

use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{Finding, Severity};

pub(super) fn check(mount: &DataMount, findings: &mut Vec<Finding>) {
    let Some(volume) = mount.volume.as_ref().filter(|volume| volume.external && !volume.exists) else {
        return;
    };
    findings.push(
        Finding::new(
            Severity::Stop,
            &mount.service,
            format!("the external volume `{}` does not exist", volume.name),
            "Compose does not create it; it may be on another engine, and a new one would be empty",
        )
        .suggesting(["docker", "volume", "create", &volume.name]),
    );
}
