//! A flag that the Compose at hand takes and we have never seen: nothing is known to be safe from it.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, volume_subject};
use crate::policy::{Effect, Impact};

pub(in super::super) struct UnknownFlag;

impl Hazard for UnknownFlag {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let Some(flag) = &cx.probe.unknown_flag else { return };
        let reason = format!("what `{flag}` does is not known to safe-compose, so it may do anything");
        for container in cx.containers {
            let removal = Removal { cause: &reason, volumes_too: true, replaced: false };
            container_removal::container(cx, container, removal, found);
        }
        for volume in cx.volumes {
            let anonymous = volume.compose_key().is_none()
                && cx.containers.iter().any(|container| {
                    container.mounts.iter().any(|mount| {
                        matches!(
                            &mount.source,
                            crate::engine::MountSource::Volume { name, anonymous: true, .. } if *name == volume.name
                        )
                    })
                });
            if !anonymous {
                let subject = volume_subject(cx, &volume.name, false);
                found.push(Impact::new(Effect::Destroy, subject, reason.clone()));
            }
        }
    }
}
