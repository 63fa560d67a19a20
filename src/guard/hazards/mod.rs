//! The hazards, one file each.

mod emptied_memory;
mod failed_recreation;
mod former_place;
mod hidden_project;
mod interrupted_service;
mod moved_data_path;
mod moved_mount;
mod overwritten_path;
mod recreated_container;
mod recreated_volume;
mod removed_container;
mod removed_image;
mod removed_orphan;
mod removed_volume;
mod renamed_service;
mod renewed_volume;
mod replaced_directory;
mod scaled_down;
mod shared_name;
mod switched_store;
mod unknown_feature;
mod unset_variable;
mod unused_volume;

use super::Hazard;
pub(super) use failed_recreation::fails as fails_to_recreate;
pub(super) use moved_mount::may_move_mounts;
pub(super) use overwritten_path::copy_target;
pub(super) use scaled_down::removes_some_replicas;

/// Every known hazard.
pub(super) const HAZARDS: &[&dyn Hazard] = &[
    &removed_volume::RemovedVolume,
    &removed_container::RemovedContainer,
    &removed_orphan::RemovedOrphan,
    &removed_image::RemovedImage,
    &scaled_down::ScaledDown,
    &recreated_volume::RecreatedVolume,
    &recreated_container::RecreatedContainer,
    &failed_recreation::FailedRecreation,
    &renewed_volume::RenewedVolume,
    &moved_mount::MovedMount,
    &moved_data_path::MovedDataPath,
    &replaced_directory::ReplacedDirectory,
    &renamed_service::RenamedService,
    &former_place::LeftFormerPlace,
    &switched_store::SwitchedStore,
    &hidden_project::HiddenProject,
    &shared_name::SharedName,
    &unset_variable::UnsetVariable,
    &overwritten_path::OverwrittenPath,
    &emptied_memory::EmptiedMemory,
    &interrupted_service::InterruptedService,
    &unknown_feature::UnknownFeature,
];
