//! A service starts without data, and something beside the engine tells where its data was: a Compose file that this
//! command does not read, or a backup.

use super::super::first_start::FirstStart;
use super::super::mount_source::MountedLocation;
use super::super::{Hazard, HazardContext};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct LeftFormerPlace;

impl Hazard for LeftFormerPlace {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if cx.probe.former_places.is_empty() {
            return;
        }
        for first in FirstStart::all(cx).into_iter().filter(|first| first.is_empty(cx)) {
            for former in cx.probe.former_places.get(&first.service.name).into_iter().flatten() {
                if first.places.iter().any(|place| is_at(place, &former.subject)) {
                    continue;
                }
                let reason = format!(
                    "{} the data of `{}`; it starts without it, in {}",
                    former.evidence,
                    first.service.name,
                    first.describe_place()
                );
                let mut impact = Impact::new(Effect::Orphan, former.subject.clone(), reason);
                impact.notice = !first.keeps_data();
                impact.services.insert(first.service.name.clone());
                found.push(impact);
            }
        }
    }
}

fn is_at(place: &MountedLocation, subject: &Subject) -> bool {
    match (place, subject) {
        (MountedLocation::Volume { name, .. }, Subject::Volume { name: former, .. }) => name == former,
        (MountedLocation::Directory(path), Subject::Directory { path: former }) => {
            path.as_os_str() == former.as_str()
        }
        _ => false,
    }
}
