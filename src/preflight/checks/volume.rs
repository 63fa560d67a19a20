//! A volume that the project does not own is there.

use crate::preflight::finding::{Finding, Severity};
use crate::preflight::site::Site;

pub(super) fn check(site: &Site, findings: &mut Vec<Finding>) {
    let Some(volume) = site.volume.as_ref().filter(|volume| volume.external && !volume.exists) else {
        return;
    };
    findings.push(
        Finding::new(
            Severity::Stop,
            &site.service,
            format!("the external volume `{}` does not exist", volume.name),
            "Compose does not create it; it may be on another engine, and a new one would be empty",
        )
        .suggesting(["docker", "volume", "create", &volume.name]),
    );
}
