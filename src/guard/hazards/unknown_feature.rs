//! A flag or a subcommand that the installed Compose accepts and this program does not know: it may destroy anything.

use super::super::container_removal::{self, Removal};
use super::super::{Hazard, HazardContext, volume_subject};
use crate::policy::{Effect, Impact};

pub(in super::super) struct UnknownFeature;

impl Hazard for UnknownFeature {
    fn assess(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        let Some(feature) = &cx.probe.unknown_feature else { return };
        let reason = format!("safe-compose does not know the {feature}, which may delete anything");
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
