//! Checks that external volumes exist.

use crate::preflight::data_mount::DataMount;
use crate::preflight::finding::{CheckFinding, CheckSeverity};

pub(super) fn check(mount: &DataMount, findings: &mut Vec<CheckFinding>) {
    let Some(volume) = mount.volume.as_ref().filter(|volume| volume.external && !volume.exists) else {
        return;
    };
    findings.push(
        CheckFinding::new(
            CheckSeverity::Stop,
            &mount.service,
            format!("the external volume `{}` does not exist", volume.name),
            "Compose does not create external volumes; it may be on another engine, and a new one is empty",
        )
        .with_command(["docker", "volume", "create", &volume.name]),
    );
}
