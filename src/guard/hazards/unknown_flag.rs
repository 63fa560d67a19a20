//! A flag that the Compose at hand takes and we have never seen: nothing is known to be safe from it.

use super::super::gone::{self, Going};
use super::super::{Hazard, Scene, volume_subject};
use crate::policy::{Effect, Impact};

pub(in super::super) struct UnknownFlag;

impl Hazard for UnknownFlag {
    fn look(&self, scene: &Scene<'_>, found: &mut Vec<Impact>) {
        let Some(flag) = &scene.facts.unknown_flag else { return };
        let reason = format!("what `{flag}` does is not known to safe-compose, so it may do anything");
        for container in scene.containers {
            let going = Going { cause: &reason, volumes_too: true, replaced: false };
            gone::container(scene, container, going, found);
        }
        for volume in scene.volumes {
            let anonymous = volume.compose_key().is_none()
                && scene.containers.iter().any(|container| {
                    container.mounts.iter().any(|mount| {
                        matches!(
                            &mount.source,
                            crate::engine::MountSource::Volume { name, anonymous: true, .. } if *name == volume.name
                        )
                    })
                });
            if !anonymous {
                let subject = volume_subject(scene, &volume.name, false);
                found.push(Impact::new(Effect::Destroy, subject, reason.clone()));
            }
        }
    }
}
